"""pynetdicom's association as requestor, for peers that may answer anything or stop in mid-word.

pynetdicom 3.0.4 waits for ever for the rest of a PDU, reads one of any length into memory, and
loses its thread to an answer that it cannot take apart. See
docs/decisions/0013-guarding-pynetdicom.md.
"""

import time
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_ASSOCIATE, A_P_ABORT, P_DATA

from screening.storage_scu.association_answer import plain_command_set, plain_pdu
from screening.transport.association_items import MalformedItemError
from screening.transport.closing_socket import ClosingSocket

LARGEST_PDU_BYTES = 1 << 18
"""Of a PDU that is read; we announce half of it as the longest P-DATA-TF."""
LARGEST_ANSWER_BYTES = 1 << 16
"""Of an answer's command set and data set: a C-STORE response has some hundred bytes and none."""
READ_BYTES = 1 << 16
COMMAND, LAST = 1, 2
"""Bits of the message control header. Source: PS3.8 E.2."""


def guard(association: Association) -> None:
    """Put guards in the places where pynetdicom trusts the peer; before anything is sent."""
    association.dul = _GuardedDUL(association)
    association.dimse = _GuardedDIMSE(association)
    association.acse_timeout = association.ae.acse_timeout  # kept in the replaced DUL provider
    association.network_timeout = association.ae.network_timeout


def unread_answer(association: Association) -> A_ASSOCIATE | None:
    """Return a peer's answer to the association request that pynetdicom did not look at.

    Where a peer rejects and closes before `associate` has asked whether it is connected,
    pynetdicom 3.0.4 takes it for one that was never reached.
    """
    unread = list(association.dul.to_user_queue.queue)
    return next((answer for answer in unread if isinstance(answer, A_ASSOCIATE)), None)


class PatientSocket(ClosingSocket):
    """An association's socket that waits so long for a PDU's rest, or to be read, and no longer.

    It takes whatever of `connection_timeout` and `network_timeout` the application entity has.
    """

    def recv(self, nr_bytes: int) -> bytearray:
        """Take the next bytes; fewer where the peer has closed.

        Raises OSError where they are more than we read, or do not come in time.
        """
        if nr_bytes > LARGEST_PDU_BYTES:
            raise OSError("a PDU longer than any we read")
        connection: Any = self.socket
        received = bytearray()
        deadline = time.monotonic() + self.assoc.ae.network_timeout
        while len(received) < nr_bytes:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            connection.settimeout(left_s)
            data = connection.recv(min(READ_BYTES, nr_bytes - len(received)))
            if not data:
                break
            received += data
        return received

    def send(self, bytestream: bytes) -> None:
        """Send bytes; a peer that does not take them in time has closed, as far as we care."""
        if self.socket is not None:
            self.socket.settimeout(self.assoc.ae.network_timeout)
        super().send(bytestream)


class _GuardedDUL(DULServiceProvider):  # type: ignore[misc]  # pynetdicom has no types
    """Ends the association where pynetdicom's thread would die, and lets nobody wait for it."""

    fault: str = ""
    """What is wrong with the peer's answer to our association request; "" where nothing is."""

    def _decode_pdu(self, bytestream: bytearray) -> Any:
        """Decode a PDU; an answer to our association request in plain form."""
        try:
            plain = plain_pdu(bytes(bytestream))
        except MalformedItemError as error:
            self.fault = str(error)
            raise
        return super()._decode_pdu(bytearray(plain))

    def run_reactor(self) -> None:
        """Run pynetdicom's reactor; what it does not catch is a fault of the peer."""
        try:
            super().run_reactor()
        except Exception:  # noqa: BLE001  an odd PDU in an odd state raises anything
            self.state_machine.current_state = "Sta1"
        finally:
            self.socket._shutdown_socket()  # noqa: SLF001  also where the state machine broke
            ended = A_P_ABORT()
            ended.provider_reason = 0
            self.to_user_queue.put(ended)
            self.assoc.dimse.msg_queue.put((None, None))


class _GuardedDIMSE(DIMSEServiceProvider):  # type: ignore[misc]  # pynetdicom has no types
    """Takes answers of a limited size, in plain form; what is none ends the association."""

    def __init__(self, association: Association) -> None:
        """Begin without a message."""
        super().__init__(association)
        self._command = bytearray()

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take a P-DATA. Raises whatever one that cannot be taken apart provokes."""
        for context_id, fragment in primitive.presentation_data_value_list:
            control = fragment[0]
            if not control & COMMAND:
                if self.message is not None:  # else nothing announced it, and nobody needs it
                    self._pass_on(context_id, fragment)
                continue
            self._command += fragment[1:]
            if len(self._command) > LARGEST_ANSWER_BYTES:
                raise ValueError("an answer that does not end")
            if control & LAST:
                plain, self._command = plain_command_set(bytes(self._command)), bytearray()
                self._pass_on(context_id, bytes([COMMAND | LAST]) + plain)

    def _pass_on(self, context_id: int, fragment: bytes) -> None:
        passed = P_DATA()
        passed.presentation_data_value_list.append((context_id, fragment))
        super().receive_primitive(passed)
        if self.message is None:
            return
        parts = (self.message.encoded_command_set, self.message.data_set)
        if any(part.tell() > LARGEST_ANSWER_BYTES for part in parts):
            raise ValueError("an answer that does not end")
