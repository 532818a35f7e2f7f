"""pynetdicom's upper layer provider for peers that nobody vouches for.

See docs/decisions/0013-guarding-pynetdicom.md.
"""

import time
from typing import Any

from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT
from pynetdicom.timer import Timer

from screening.receive.guarded_dimse import QUIET_POLL_S
from screening.receive.pdu_limits import HEADER_BYTES, fault_of_header

UNANSWERED_REQUESTS = 4
"""How many requests may wait; then the peer waits. Asynchronous operations are not negotiated."""
QUIET_AFTER_S = 0.5
_EVENTS_OF_NEGOTIATION = ("Evt3", "Evt4", "Evt6")
"""An A-ASSOCIATE-AC, -RJ or -RQ has come. Source: PS3.8 table 9-10."""


class GuardedDUL(DULServiceProvider):  # type: ignore[misc]  # pynetdicom has no types
    """Reads no PDU longer than its type allows, and ends the association instead of its thread."""

    refused = False
    _last_read_s = 0.0
    _was_asked = False
    """Whether the association request is read, which alone may begin."""

    @property
    def is_quiet(self) -> bool:
        """Whether the peer has sent nothing for a while."""
        return time.monotonic() - self._last_read_s > QUIET_AFTER_S

    def refuse(self, reason: str) -> None:
        """Abort the association for a fault of the peer; `reason` holds none of its values."""
        self.assoc.ends_for("pdu_refused", reason)
        self.refused = True
        self.event_queue.put("Evt19")

    def run_reactor(self) -> None:
        """Run pynetdicom's reactor; what it does not catch is a fault of the peer."""
        try:
            super().run_reactor()
        except Exception as error:  # noqa: BLE001  an odd PDU in an odd state raises anything
            self.assoc.ends_for("association_failed", type(error).__name__)
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
            self._note_abort(primitive)
            return primitive
        self.artim_timer = Timer(None)  # one that was stopped late counts as expired
        self.assoc.acse_timeout = self.assoc.ae.acse_timeout
        if primitive is None:
            self.assoc.ends_for("association_failed", "its request was not looked at in time")
        return primitive if isinstance(primitive, A_ASSOCIATE) else None

    def _is_transport_event(self) -> bool:
        state = self.state_machine.current_state
        if state == "Sta13" and self.refused:
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

    def _decode_pdu(self, bytestream: bytearray) -> Any:
        """Decode a PDU, and say why one ends the association: it is broken, or out of turn."""
        try:
            pdu, event = super()._decode_pdu(bytestream)
        except Exception:
            self.assoc.ends_for("pdu_refused", "a PDU that cannot be taken apart")
            raise
        if event in _EVENTS_OF_NEGOTIATION and self._was_asked:
            why = f"an unexpected PDU of type 0x{bytestream[0]:02X}"
            self.assoc.ends_for("pdu_refused", why)
        self._was_asked = True
        return pdu, event

    def idle_timer_expired(self) -> bool:
        """Return whether the peer has said nothing for so long that the association is aborted."""
        expired = bool(super().idle_timer_expired())
        if expired:
            waited = f"nothing came for {self.network_timeout:g} s"
            self.assoc.ends_for("association_timed_out", waited)
        return expired

    def _note_abort(self, primitive: object) -> None:
        if isinstance(primitive, A_ABORT):
            self.assoc.ends_for("association_aborted_by_peer", "the peer sent A-ABORT")
        elif isinstance(primitive, A_P_ABORT):
            self.assoc.ends_for("association_ended_early", "the connection was closed")
