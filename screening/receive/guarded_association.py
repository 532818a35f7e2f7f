"""pynetdicom's association for peers that nobody vouches for.

pynetdicom 3.0.4 reads a PDU of any length into memory, waits for ever for the rest of one, collects
commands without end, and forgets files and threads when a peer misbehaves. The subclasses here sit
in the places where it does. See docs/decisions/0013-guarding-pynetdicom.md.
"""

import queue
import ssl
import time
from collections.abc import Callable
from typing import Any

from pynetdicom import AE, evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.acse import ACSE
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_ASSOCIATE, A_P_ABORT, P_DATA
from pynetdicom.timer import Timer

from screening.logs import get_logger
from screening.receive.admission import REJECTION_OF, Admission, Refused
from screening.receive.event_reports import EventReports
from screening.receive.incoming import IncomingFile
from screening.receive.pdu_limits import HEADER_BYTES, fault_of_header
from screening.transport.closing_socket import ClosingSocket

PDU_TIMEOUT_S = 30
"""How long the rest of a PDU may take once its first byte is there, and the peer to read ours."""
NEGOTIATION_TIMEOUT_S = 60
"""For our own threads to hand over a request that is read; dozens at once can take over 10 s."""
READ_BYTES = 1 << 16
LARGEST_COMMAND_SET_BYTES = 1 << 16
LARGEST_DATA_SET_IN_MEMORY_BYTES = 1 << 22
"""Of messages that are not streamed to a file: every one but C-STORE."""
UNANSWERED_REQUESTS = 4
"""How many requests may wait; then the peer waits. Asynchronous operations are not negotiated."""
QUIET_AFTER_S = 0.5
QUIET_POLL_S = 0.02
"""How often an association is looked after that sent nothing for a while; else 1000 times a second,
and a few dozen that idle take a whole processor."""
log = get_logger()


class GuardedAssociation(Association):  # type: ignore[misc]  # pynetdicom has no types
    """An association as acceptor that ends, gives back what it holds, and says so."""

    def __init__(
        self, ae: AE, admission: Admission, at_end: Callable[["GuardedAssociation"], None]
    ) -> None:
        """`at_end` is called once, in the association's thread, however it ends."""
        super().__init__(ae, MODE_ACCEPTOR)
        self.refused: Refused | None = None
        self.event_reports = EventReports(self)
        self.admission = admission
        self._at_end = at_end
        self.acse = _GuardedACSE(self)
        self.dul = _GuardedDUL(self)
        self.dimse = _GuardedDIMSE(self)
        self.acse_timeout = NEGOTIATION_TIMEOUT_S  # these two are kept in the replaced DUL provider
        self.network_timeout = ae.network_timeout

    def run_reactor(self) -> None:
        """Serve the association to its end."""
        try:
            super().run_reactor()
        finally:
            self.dul.kill_dul()
            self.dul.socket._shutdown_socket()  # noqa: SLF001  its own close makes an event of it
            self._discard_files()
            self.event_reports.close()
            self.admission.leave(self)
            self._at_end(self)

    def kill(self) -> None:
        """End the association's reactor; its place is free from now on."""
        self.admission.leave(self)
        super().kill()

    def _serve_request(self, msg: Any, context_id: int) -> None:
        """Serve a request, or take the answer to one of ours."""
        if isinstance(msg, N_EVENT_REPORT) and msg.MessageIDBeingRespondedTo is not None:
            self.event_reports.answered(msg)
        else:
            super()._serve_request(msg, context_id)

    def _discard_files(self) -> None:
        """Remove half an object, and whole ones whose turn never came."""
        files = [getattr(self.dimse.message, "_data_set_file", None)]
        with self.dimse.msg_queue.mutex:
            files += [getattr(m, "_dataset_file", None) for _, m in self.dimse.msg_queue.queue]
        for file in files:
            if isinstance(file, IncomingFile):
                file.discard()


class _GuardedACSE(ACSE):  # type: ignore[misc]  # pynetdicom has no types
    """Asks for admission before anything is negotiated."""

    def _negotiate_as_acceptor(self) -> None:
        association: GuardedAssociation = self.assoc
        request = self.requestor.primitive
        association.refused = association.admission.enter(
            association,
            calling_ae_title=str(request.calling_ae_title).strip(),
            called_ae_title=str(request.called_ae_title).strip(),
        )
        if association.refused is None:
            self._negotiate(association)
            return
        self.requestor.ae_title = request.calling_ae_title
        rejection = REJECTION_OF[association.refused]
        self.send_reject(rejection.result, rejection.source, rejection.diagnostic)
        evt.trigger(association, evt.EVT_REJECTED, {})
        association.kill()

    def _negotiate(self, association: GuardedAssociation) -> None:
        """Negotiate; a request that makes no sense is an abort."""
        try:
            super()._negotiate_as_acceptor()
        except Exception as error:  # noqa: BLE001  a presentation context without a SOP class, ...
            reason = f"an association request that cannot be used ({type(error).__name__})"
            association.dul.refuse(reason)
            association.kill()

    def send_release(self, is_response: bool = False) -> None:  # noqa: FBT001, FBT002  theirs
        """Answer a release; the place is free before the peer can know that it is."""
        self.assoc.admission.leave(self.assoc)
        super().send_release(is_response)


class _GuardedDUL(DULServiceProvider):  # type: ignore[misc]  # pynetdicom has no types
    """Reads no PDU longer than its type allows, and ends the association instead of its thread."""

    _refused = False
    _last_read_s = 0.0

    @property
    def is_quiet(self) -> bool:
        """Whether the peer has sent nothing for a while."""
        return time.monotonic() - self._last_read_s > QUIET_AFTER_S

    def refuse(self, reason: str) -> None:
        """Abort the association for a fault of the peer; `reason` holds none of its values."""
        log.warning("pdu_refused", peer_address=self.assoc.requestor.address, reason=reason)
        self._refused = True
        self.event_queue.put("Evt19")

    def run_reactor(self) -> None:
        """Run pynetdicom's reactor; what it does not catch is a fault of the peer."""
        try:
            super().run_reactor()
        except Exception as error:  # noqa: BLE001  an odd PDU in an odd state raises anything
            log.warning(
                "association_failed",
                peer_address=self.assoc.requestor.address,
                reason=type(error).__name__,
            )
            self.socket._shutdown_socket()  # noqa: SLF001  the state machine is broken
        finally:
            ended = A_P_ABORT()
            ended.provider_reason = 0
            self.to_user_queue.put(ended)
            self.assoc.dimse.msg_queue.put((None, None))

    def receive_pdu(self, wait: bool = False, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002  theirs
        """Return the next primitive; who waits for an association request gets that or None.

        From then on the timeouts are those for a peer; until then nobody waited for one.
        """
        primitive = super().receive_pdu(wait, timeout)
        if not wait:
            return primitive
        self.artim_timer = Timer(None)  # one that was stopped late counts as expired
        self.assoc.acse_timeout = self.assoc.ae.acse_timeout
        if primitive is None:
            where, why = self.assoc.requestor.address, "its request was not looked at in time"
            log.warning("association_failed", peer_address=where, reason=why)
        return primitive if isinstance(primitive, A_ASSOCIATE) else None

    def _is_transport_event(self) -> bool:
        state = self.state_machine.current_state
        if state == "Sta13" and self._refused:
            self.socket.close()  # nothing more is read of a peer that sends anything
            return True
        if state == "Sta6" and self.assoc.dimse.msg_queue.qsize() >= UNANSWERED_REQUESTS:
            return False
        happened = bool(super()._is_transport_event())
        if not happened and self.is_quiet:
            time.sleep(QUIET_POLL_S)
        return happened

    def _read_pdu_data(self) -> None:
        self._last_read_s = time.monotonic()
        try:
            header = self.socket.peek(HEADER_BYTES)
        except OSError:
            self.event_queue.put("Evt17")
            return
        if len(header) == HEADER_BYTES and (fault := fault_of_header(header)):
            self.refuse(fault.words)
        else:
            super()._read_pdu_data()


class _GuardedDIMSE(DIMSEServiceProvider):  # type: ignore[misc]  # pynetdicom has no types
    """Collects messages of a limited size."""

    def get_msg(self, block: bool = False) -> Any:  # noqa: FBT001, FBT002  theirs
        """Return the next message; where the peer is quiet, wait a little for one."""
        if not block and self.dul.is_quiet:
            self.assoc.event_reports.send_next()
        if block or not self.dul.is_quiet:
            return super().get_msg(block)
        try:
            return self.msg_queue.get(timeout=QUIET_POLL_S)
        except queue.Empty:
            return None, None

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take a P-DATA; one that makes no sense, or too large a message, is an abort."""
        try:
            super().receive_primitive(primitive)
        except Exception as error:  # noqa: BLE001  an unknown context, an empty fragment, ...
            self.dul.refuse(f"a message that cannot be taken apart ({type(error).__name__})")
            return
        if self.message is None:
            return
        if self.message.encoded_command_set.tell() > LARGEST_COMMAND_SET_BYTES:
            self.dul.refuse("a command set that does not end")
        elif self.message.data_set.tell() > LARGEST_DATA_SET_IN_MEMORY_BYTES:
            self.dul.refuse("a data set that is too large for its kind of message")


class BufferedSocket(ClosingSocket):
    """An association's socket that begins with what was read already, and waits only so long."""

    def __init__(self, association: Association, connection: Any, received: bytes) -> None:
        """`received`: the bytes that were read before the association was made."""
        super().__init__(association, client_socket=connection)
        self._received = bytearray(received)

    @property
    def ready(self) -> bool:
        """Whether there is something to read: data, or the news that the peer has closed.

        It tries to read, since `select` sees TLS records that hold no data, and data that TLS has
        taken already it does not see.
        """
        connection: Any = self.socket
        if self._received or connection is None or not self._is_connected:
            return bool(self._received)
        try:
            connection.settimeout(0)
            self._received += connection.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            self.event_queue.put("Evt17")
            return False
        return True

    def send(self, bytestream: bytes) -> None:
        """Send bytes; a peer that does not take them has closed, as far as we care."""
        if self.socket is not None:
            self.socket.settimeout(PDU_TIMEOUT_S)
        super().send(bytestream)

    def peek(self, size_bytes: int) -> bytes:
        """Return the next bytes without taking them; fewer where the peer has closed.

        Raises OSError where the connection fails or the peer takes more than PDU_TIMEOUT_S.
        """
        self._fill(size_bytes)
        return bytes(self._received[:size_bytes])

    def recv(self, nr_bytes: int) -> bytearray:
        """Take the next bytes; fewer where the peer has closed. Raises as `peek`."""
        self._fill(nr_bytes)
        taken = self._received[:nr_bytes]
        del self._received[:nr_bytes]
        return taken

    def _fill(self, size_bytes: int) -> None:
        connection = self.socket
        deadline = time.monotonic() + PDU_TIMEOUT_S
        while len(self._received) < size_bytes and connection is not None:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            connection.settimeout(left_s)
            data = connection.recv(READ_BYTES)
            if not data:
                return
            self._received += data
