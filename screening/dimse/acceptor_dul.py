"""The upper layer provider as acceptor: flow control, timeouts, and why an association ends.

See docs/decisions/0013-guarding-pynetdicom.md.
"""

import threading
import time
from typing import Any

from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, P_DATA
from pynetdicom.timer import Timer

from screening.dimse.data_values import (
    P_DATA_TF,
    MalformedDataValueError,
    data_pdu,
    data_values,
)
from screening.dimse.guarded_dul import GuardedDUL, TellingQueue
from screening.dimse.pdu_limits import HEADER_BYTES, LONGEST_PDU_BYTES, announced_bytes

UNANSWERED_REQUESTS = 4
"""How many requests may wait; then the peer waits. Asynchronous operations are not negotiated."""
QUIET_AFTER_S = 0.5
TRANSFER = "Sta6"
"""The state in which data may be transferred. Source: PS3.8 table 9-10."""
_EVENTS_OF_NEGOTIATION = ("Evt3", "Evt4", "Evt6")
"""An A-ASSOCIATE-AC, -RJ or -RQ has come. Source: PS3.8 table 9-10."""


class AcceptorDUL(GuardedDUL):
    """Stops reading while requests wait, and records why the association ends."""

    longest_pdu_bytes = LONGEST_PDU_BYTES
    _last_read_s = 0.0
    _was_asked = False
    """Whether the association request is read, which alone may begin."""

    def __init__(self, association: Any) -> None:
        """Begin to wait for an association request."""
        super().__init__(association)
        self._sending = threading.Lock()
        self.to_user_queue = TellingQueue(self._have_association_look)

    def _have_association_look(self) -> None:
        self.assoc.dimse.msg_queue.put((None, None))

    def send_pdu(self, primitive: Any) -> None:
        """Send data, and queue other primitives for sending."""
        if isinstance(primitive, P_DATA):
            self.send_data(data_pdu(primitive.presentation_data_value_list))
            return
        super().send_pdu(primitive)

    def send_data(self, pdu: bytes) -> None:
        """Send a whole P-DATA-TF; it is dropped where data is transferred no more.

        What goes out at once does not wait for the reactor, unless something queued is on its way.
        """
        if self._sending.acquire(blocking=False):
            try:
                if self.to_provider_queue.empty() and self.state_machine.current_state == TRANSFER:
                    pdu = pdu[self.socket.send_now(pdu) :]
            finally:
                self._sending.release()
        if pdu:
            self.to_provider_queue.put(pdu)
            self.wake()

    def ended(self, event: str, reason: str) -> None:
        """Record it with the association."""
        self.assoc.ends_for(event, reason)

    @property
    def is_quiet(self) -> bool:
        """Whether the peer has sent nothing for a while."""
        return time.monotonic() - self._last_read_s > QUIET_AFTER_S

    def receive_pdu(self, wait: bool = False, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002  theirs
        """Return the next primitive; with `wait`, the association request or None.

        Timeouts for the peer apply from then on; until then, only our own threads were waited for.
        """
        primitive = super().receive_pdu(wait, timeout)
        if not wait:
            self._note_abort(primitive)
            return primitive
        self.artim_timer = Timer(None)  # one that was stopped late counts as expired
        self.assoc.acse_timeout = self.assoc.ae.acse_timeout
        if primitive is None:
            self.ended("association_failed", "its request was not looked at in time")
        return primitive if isinstance(primitive, A_ASSOCIATE) else None

    def _is_transport_event(self) -> bool:
        state = self.state_machine.current_state
        if state == TRANSFER and self.assoc.dimse.msg_queue.qsize() >= UNANSWERED_REQUESTS:
            self._wait_for(-1)
            return False
        return bool(super()._is_transport_event())

    def _process_recv_primitive(self) -> bool:
        """Send what is to be sent; return whether there was anything."""
        waiting = self.to_provider_queue.queue
        if not waiting or not isinstance(waiting[0], bytes):
            return bool(super()._process_recv_primitive())
        with self._sending:
            pdu = self.to_provider_queue.get()
            if self.state_machine.current_state == TRANSFER:
                self.socket.send(pdu)
        return True

    def _read_pdu_data(self) -> None:
        self._last_read_s = time.monotonic()
        super()._read_pdu_data()

    def _read_sound_pdu(self, header: bytes) -> None:
        """Read data past pynetdicom, which makes several objects of each fragment."""
        if header[0] != P_DATA_TF or self.state_machine.current_state != TRANSFER:
            super()._read_sound_pdu(header)
            return
        whole_bytes = HEADER_BYTES + announced_bytes(header)
        try:
            pdu = self.socket.take(whole_bytes)
        except OSError:
            self.event_queue.put("Evt17")
            return
        if len(pdu) < whole_bytes:
            self.event_queue.put("Evt17")
            return
        try:
            values = list(data_values(pdu[HEADER_BYTES:]))
        except MalformedDataValueError:
            self.ended("pdu_refused", "a PDU that cannot be taken apart")
            self.event_queue.put("Evt19")
        else:
            self.assoc.dimse.receive_values(values)

    def _decode_pdu(self, bytestream: bytearray) -> Any:
        """Decode a PDU, and record it where it comes out of turn and so ends the association."""
        pdu, event = super()._decode_pdu(bytestream)
        if event in _EVENTS_OF_NEGOTIATION and self._was_asked:
            self.ended("pdu_refused", f"an unexpected PDU of type 0x{bytestream[0]:02X}")
        self._was_asked = True
        return pdu, event

    def idle_timer_expired(self) -> bool:
        """Return whether the peer was silent for so long that the association is aborted."""
        expired = bool(super().idle_timer_expired())
        if expired:
            waited = f"nothing came for {self.network_timeout:g} s"
            self.ended("association_timed_out", waited)
        return expired

    def _note_abort(self, primitive: object) -> None:
        if isinstance(primitive, A_ABORT):
            self.ended("association_aborted_by_peer", "the peer sent A-ABORT")
        elif isinstance(primitive, A_P_ABORT):
            self.ended("association_ended_early", "the connection was closed")
