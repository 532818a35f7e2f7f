"""The upper layer provider as acceptor: flow control, timeouts, and why an association ends.

See docs/decisions/0013-guarding-pynetdicom.md.
"""

import time
from typing import Any

from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT
from pynetdicom.timer import Timer

from screening.dimse.guarded_dul import GuardedDUL
from screening.dimse.pdu_limits import LONGEST_PDU_BYTES

UNANSWERED_REQUESTS = 4
"""How many requests may wait; then the peer waits. Asynchronous operations are not negotiated."""
QUIET_AFTER_S = 0.5
QUIET_POLL_S = 0.02
"""How often an association is looked after that sent nothing for a while; else 1000 times a second,
and a few dozen that idle take a whole processor."""
_EVENTS_OF_NEGOTIATION = ("Evt3", "Evt4", "Evt6")
"""An A-ASSOCIATE-AC, -RJ or -RQ has come. Source: PS3.8 table 9-10."""


class AcceptorDUL(GuardedDUL):
    """Stops reading while requests wait, and records why the association ends."""

    longest_pdu_bytes = LONGEST_PDU_BYTES
    _last_read_s = 0.0
    _was_asked = False
    """Whether the association request is read, which alone may begin."""

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
        if state == "Sta6" and self.assoc.dimse.msg_queue.qsize() >= UNANSWERED_REQUESTS:
            return False
        happened = bool(super()._is_transport_event())
        if not happened and self.is_quiet:
            time.sleep(QUIET_POLL_S)
        return happened

    def _read_pdu_data(self) -> None:
        self._last_read_s = time.monotonic()
        super()._read_pdu_data()

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
