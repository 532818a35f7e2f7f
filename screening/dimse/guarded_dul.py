"""pynetdicom's upper layer provider for untrusted peers, in both roles.

See docs/decisions/0013-guarding-pynetdicom.md.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_P_ABORT

from screening.dimse.pdu_limits import HEADER_BYTES, fault_of_header


class GuardedDUL(DULServiceProvider):  # type: ignore[misc]  # pynetdicom has no types
    """Reads no PDU longer than its type allows, and ends the association instead of its thread."""

    longest_pdu_bytes: ClassVar[Mapping[int, int]]
    """By PDU type: the largest PDU-length that is read."""
    refused = False
    """Whether the association was aborted for a fault of the peer."""

    def ended(self, event: str, reason: str) -> None:
        """Record why the association ends: the log's event, and a reason without peer's values."""

    def plain_pdu(self, pdu: bytearray) -> bytearray:
        """Return a PDU in the form that pynetdicom gets. Raises MalformedItemError."""
        return pdu

    def refuse(self, reason: str) -> None:
        """Abort the association for a fault of the peer; `reason` contains none of its values."""
        self.ended("pdu_refused", reason)
        self.refused = True
        self.event_queue.put("Evt19")

    def run_reactor(self) -> None:
        """Run pynetdicom's reactor; an exception that it does not catch ends the association."""
        try:
            super().run_reactor()
        except Exception as error:  # noqa: BLE001  an odd PDU in an odd state raises anything
            self.ended("association_failed", type(error).__name__)
            self.state_machine.current_state = "Sta1"
        finally:
            self.socket._shutdown_socket()  # noqa: SLF001  also where the state machine broke
            aborted = A_P_ABORT()
            aborted.provider_reason = 0
            self.to_user_queue.put(aborted)
            self.assoc.dimse.msg_queue.put((None, None))

    def _is_transport_event(self) -> bool:
        if self.refused and self.state_machine.current_state == "Sta13":
            self.socket.close()  # nothing more is read of a peer that sends anything
            return True
        return bool(super()._is_transport_event())

    def _read_pdu_data(self) -> None:
        try:
            header = self.socket.peek(HEADER_BYTES)
        except OSError:
            self.event_queue.put("Evt17")
            return
        whole = len(header) == HEADER_BYTES
        if not whole:
            super()._read_pdu_data()
        elif fault := fault_of_header(header, self.longest_pdu_bytes):
            self.refuse(fault.words)
        else:
            self._read_sound_pdu(header)

    def _read_sound_pdu(self, header: bytes) -> None:
        """Read a PDU of a type and length that may be read."""
        del header
        super()._read_pdu_data()

    def _decode_pdu(self, bytestream: bytearray) -> Any:
        """Decode a PDU, and record it where it ends the association."""
        try:
            return super()._decode_pdu(self.plain_pdu(bytestream))
        except Exception:
            self.ended("pdu_refused", "a PDU that cannot be taken apart")
            raise
