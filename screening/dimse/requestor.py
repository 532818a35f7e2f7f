"""An association as requestor, with peers that may answer anything or stop within a PDU.

pynetdicom 3.0.4 waits for ever for the rest of a PDU, reads one of any length into memory, and
its thread dies of an answer that it cannot decode. See
docs/decisions/0013-guarding-pynetdicom.md.
"""

import threading
from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.transport import AddressInformation

from screening.dimse.data_values import DataValue
from screening.dimse.guarded_dimse import GuardedDIMSE
from screening.dimse.guarded_dul import LOOK_AROUND_S, GuardedDUL, TellingQueue
from screening.dimse.guarded_socket import GuardedSocket
from screening.dimse.pdu_limits import LONGEST_ANSWER_BYTES
from screening.dimse.plain_answer import plain_command_set, plain_pdu
from screening.transport.association_items import MalformedItemError

LARGEST_ANSWER_BYTES = 1 << 16
"""Of an answer's data set: a C-STORE response has none, an N-EVENT-REPORT a few references."""


class GuardedEntity(AE):  # type: ignore[misc]  # pynetdicom has no types
    """An application entity whose associations as requestor are guarded."""

    def _create_socket(
        self, association: Association, address: AddressInformation, tls_args: object
    ) -> GuardedSocket:
        """Replace the providers by guarded ones before anything is sent."""
        association._reactor_checkpoint = _Checkpoint()  # noqa: SLF001  where its thread pauses
        association.dul = _RequestorDUL(association)
        association.dimse = _RequestorDIMSE(association)
        association.acse_timeout = self.acse_timeout  # kept in the replaced DUL provider
        association.network_timeout = self.network_timeout
        made = GuardedSocket(association, pdu_timeout_s=self.network_timeout, address=address)
        made.tls_args = tls_args
        return made


def unread_answer(association: Association) -> A_ASSOCIATE | None:
    """Return a peer's answer to the association request that pynetdicom did not look at.

    Where a peer rejects and closes before `associate` has asked whether it is connected,
    pynetdicom 3.0.4 takes it for one that was never reached.
    """
    unread = list(association.dul.to_user_queue.queue)
    return next((answer for answer in unread if isinstance(answer, A_ASSOCIATE)), None)


def failure_of_connection(association: Association) -> str:
    """Return why there is no connection, in words; "" while nothing has failed."""
    return str(association.dul.socket.failure)


def fault_of_answer(association: Association) -> str:
    """Return what is wrong with the answer to our association request; "" where nothing is."""
    return str(association.dul.fault)


def exchange(association: Association, request: C_STORE, context_id: int) -> Dataset:
    """Send a finished request and return the response; an empty one where none came.

    Does what pynetdicom 3.0.4's send_c_store does after it has encoded the data set.
    """
    association._reactor_checkpoint.clear()  # noqa: SLF001
    while not association._is_paused and association.is_alive():  # noqa: SLF001
        association._reactor_checkpoint.wait(0.0001)  # noqa: SLF001
    association.dimse.send_msg(request, context_id)
    answered_in, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()  # noqa: SLF001
    if response is None:
        association._handle_no_response()  # noqa: SLF001
        return Dataset()
    if answered_in != context_id or not _answers(response, request):
        association.abort()
        return Dataset()
    status: Dataset = association._check_received_status(response)  # noqa: SLF001
    return status


def _answers(response: object, request: C_STORE) -> bool:
    """Return whether a message answers this request, and no other one."""
    return isinstance(response, C_STORE) and response.MessageIDBeingRespondedTo == request.MessageID


class _Checkpoint(threading.Event):
    """Where an association's own thread pauses while another one talks to the peer.

    In between, that thread looks after the peer: pynetdicom does so 1000 times a second. Here it
    rests, until it is asked to pause or told that something came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.set()
        self._called = threading.Event()

    def clear(self) -> None:
        """Ask the thread to pause."""
        super().clear()
        self.call()

    def call(self) -> None:
        """Have the thread look at once, or not rest the next time."""
        self._called.set()

    def rest(self, timeout_s: float) -> None:
        """Wait for a call."""
        self._called.wait(timeout_s)
        self._called.clear()


class _RequestorDUL(GuardedDUL):
    """Reads answers to our association request in plain form."""

    longest_pdu_bytes = LONGEST_ANSWER_BYTES
    fault: str = ""
    """What is wrong with the peer's answer to our association request; "" where nothing is."""

    def __init__(self, association: Association) -> None:
        """Tell the association's own thread what comes for it."""
        super().__init__(association)
        self.to_user_queue = TellingQueue(association._reactor_checkpoint.call)  # noqa: SLF001

    def plain_pdu(self, pdu: bytearray) -> bytearray:
        """Return an answer to our association request in plain form, any other PDU as it is."""
        try:
            return bytearray(plain_pdu(bytes(pdu)))
        except MalformedItemError as error:
            self.fault = str(error)
            raise


class _RequestorDIMSE(GuardedDIMSE):
    """Takes answers in plain form; anything else ends the association."""

    largest_data_set_bytes = LARGEST_ANSWER_BYTES

    def get_msg(self, block: bool = False) -> Any:  # noqa: FBT001, FBT002  theirs
        """Return the next message; the association's own thread, which does not block, rests."""
        if not block:
            self.assoc._reactor_checkpoint.rest(LOOK_AROUND_S)  # noqa: SLF001
            if not self.assoc._reactor_checkpoint.is_set():  # noqa: SLF001
                return None, None  # the answer is for the thread that asked this one to pause
        return super().get_msg(block)

    def receive_values(self, values: Iterable[DataValue]) -> None:
        """Take presentation data values, and have the association look for a whole message."""
        super().receive_values(values)
        self.assoc._reactor_checkpoint.call()  # noqa: SLF001

    def take_command_set(self, context_id: int, encoded: bytes) -> None:
        """Pass an answer on in plain form. Raises UnusableCommandError."""
        self.pass_command_set_on(context_id, plain_command_set(encoded))

    def take_data(self, context_id: int, fragment: memoryview | bytes, *, is_last: bool) -> None:
        """Pass a fragment on; discard it where no command set announced a data set."""
        del is_last
        if self.message is not None:
            self.pass_on(context_id, fragment)
