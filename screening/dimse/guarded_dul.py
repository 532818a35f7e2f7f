"""pynetdicom's upper layer provider for untrusted peers, in both roles.

See docs/decisions/0013-guarding-pynetdicom.md.
"""

import queue
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_P_ABORT

from screening.dimse.pdu_limits import HEADER_BYTES, fault_of_header
from screening.dimse.wake_up import WakeUp

LOOK_AROUND_S = 0.05
"""How often an association looks at its timers, and whether it has ended, while nothing comes:
pynetdicom looks 1000 times a second, and a few dozen that idle take a whole processor."""


class GuardedDUL(DULServiceProvider):  # type: ignore[misc]  # pynetdicom has no types
    """Reads no PDU longer than its type allows, and ends the association instead of its thread.

    Its reactor waits for what comes, instead of looking for it.
    """

    longest_pdu_bytes: ClassVar[Mapping[int, int]]
    """By PDU type: the largest PDU-length that is read."""
    refused = False
    """Whether the association was aborted for a fault of the peer."""

    def __init__(self, association: Any) -> None:
        """Begin with nothing to wait for."""
        super().__init__(association)
        self._wake_up = WakeUp()
        self._run_loop_delay = 0.0

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
        self.wake()

    def wake(self) -> None:
        """Have the reactor look at once what there is to do."""
        self._wake_up.wake()

    def send_pdu(self, primitive: Any) -> None:
        """Queue a primitive for sending."""
        super().send_pdu(primitive)
        self.wake()

    def kill_dul(self) -> None:
        """Have the reactor end."""
        super().kill_dul()
        self.wake()

    def stop_dul(self) -> bool:
        """End the reactor if the connection is closed; return whether it was."""
        if self.state_machine.current_state != "Sta1":
            return False
        self.kill_dul()
        self.join()
        return True

    def run_reactor(self) -> None:
        """Run pynetdicom's reactor; an exception that it does not catch ends the association."""
        try:
            with self._wake_up.opened():
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
        happened = bool(super()._is_transport_event())
        if not happened:
            self._wait_for(self.socket.descriptor)
        return happened

    def _wait_for(self, connection: int) -> None:
        """Wait for something to read, unless there is something to do; -1: for no connection."""
        if not self._kill_thread and self.event_queue.empty() and self.to_provider_queue.empty():
            self._wake_up.wait(connection, LOOK_AROUND_S)

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


class TellingQueue(queue.Queue[Any]):
    """What the peer asks of the association itself, such as its release; tells the association."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002  theirs
        """Put something in, and have the association look at it at once."""
        super().put(item, block, timeout)
        self._tell()
