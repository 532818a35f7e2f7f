"""pynetdicom's DIMSE provider for peers whose messages may be anything.

Each command set is judged and written anew before pynetdicom sees it, so that one bad request costs
its own answer and not the association. See docs/decisions/0013-guarding-pynetdicom.md.
"""

import queue
from dataclasses import dataclass
from typing import Any

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.sop_class import Verification

from screening.domain.commitment import COMMITMENT_PUSH_MODEL
from screening.receive.command_set import (
    DATA_SET_ENDED_EARLY,
    PlainMessage,
    RefusedRequest,
    ServedBy,
    judged,
)
from screening.receive.incoming import IncomingFile
from screening.transport.command_elements import (
    C_ECHO,
    C_STORE,
    N_ACTION,
    N_EVENT_REPORT,
    UnusableCommandError,
)

LARGEST_COMMAND_SET_BYTES = 1 << 16
LARGEST_DATA_SET_IN_MEMORY_BYTES = 1 << 22
"""Of messages that are not streamed to a file: every one but C-STORE."""
QUIET_POLL_S = 0.02
"""How often an association is looked after that sent nothing for a while; else 1000 times a second,
and a few dozen that idle take a whole processor."""
COMMAND, LAST = 1, 2
"""Bits of the message control header. Source: PS3.8 E.2."""
PDV_HEAD_BYTES = 6
_SERVED_BY_CLASS = {
    str(Verification): frozenset({C_ECHO}),
    COMMITMENT_PUSH_MODEL: frozenset({N_ACTION, N_EVENT_REPORT}),
}


class _MisplacedDataSetError(Exception):
    """A data set that no command set announced."""


@dataclass(slots=True)
class _DroppedDataSet:
    """A data set that is read and forgotten; then `told` is to be answered, if anything is."""

    limit_bytes: int
    told: tuple[int, RefusedRequest] | None = None
    dropped_bytes: int = 0


class GuardedDIMSE(DIMSEServiceProvider):  # type: ignore[misc]  # pynetdicom has no types
    """Collects messages of a limited size, and refuses those that make no sense one by one."""

    def __init__(self, association: Any, max_object_bytes: int) -> None:
        """max_object_bytes: of a C-STORE; what is twice as large is not read to its end."""
        super().__init__(association)
        self._longest_dropped_bytes = 2 * max_object_bytes
        self._command = bytearray()
        self.message: Any = None
        self._under_way: tuple[int, PlainMessage] | None = None
        self._dropped: _DroppedDataSet | None = None

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
        for context_id, fragment in primitive.presentation_data_value_list:
            try:
                self._take(context_id, fragment)
            except (UnusableCommandError, _MisplacedDataSetError) as error:
                self.dul.refuse(str(error))
                return
            except Exception as error:  # noqa: BLE001  an unknown context, an empty fragment, ...
                self.dul.refuse(f"a message that cannot be taken apart ({type(error).__name__})")
                return

    def answer(self, context_id: int, command_set: bytes) -> None:
        """Send a response without a data set."""
        size = self.maximum_pdu_size - PDV_HEAD_BYTES
        for start in range(0, len(command_set), size):
            fragment = command_set[start : start + size]
            last = LAST if start + size >= len(command_set) else 0
            sent = P_DATA()
            sent.presentation_data_value_list.append(
                (context_id, bytes([COMMAND | last]) + fragment)
            )
            self.dul.send_pdu(sent)

    def _take(self, context_id: int, fragment: bytes) -> None:
        control = fragment[0]
        if not control & COMMAND:
            self._take_data(context_id, fragment, is_last=bool(control & LAST))
            return
        if not self._command:
            self._end_unfinished()
        self._command += fragment[1:]
        if len(self._command) > LARGEST_COMMAND_SET_BYTES:
            raise UnusableCommandError("a command set that does not end")
        if control & LAST:
            encoded, self._command = bytes(self._command), bytearray()
            self._begin(context_id, encoded)

    def _begin(self, context_id: int, encoded: bytes) -> None:
        message = judged(encoded, self._served_by(context_id))
        if isinstance(message, PlainMessage):
            if message.mended:
                self.assoc.note("request_mended", message.mended)
            self._pass_on(context_id, bytes([COMMAND | LAST]) + message.command_set)
            self._under_way = (context_id, message) if message.has_data_set else None
            if not message.has_data_set:  # some send one all the same
                self._dropped = _DroppedDataSet(self._longest_dropped_bytes)
            return
        told = (context_id, message) if isinstance(message, RefusedRequest) else None
        self._dropped = _DroppedDataSet(self._longest_dropped_bytes, told)
        if not message.has_data_set:
            self._tell_refusal()

    def _served_by(self, context_id: int) -> ServedBy:
        accepted = self.assoc._accepted_cx.get(context_id)  # noqa: SLF001  no public way by ID
        if accepted is None:
            raise UnusableCommandError("a presentation context that was not accepted")
        sop_class = str(accepted.abstract_syntax)
        if operations := _SERVED_BY_CLASS.get(sop_class):
            return ServedBy(operations, frozenset({sop_class}))
        offered = (str(one.abstract_syntax) for one in self.assoc.acceptor.supported_contexts)
        return ServedBy(frozenset({C_STORE}), frozenset(offered) - _SERVED_BY_CLASS.keys())

    def _take_data(self, context_id: int, fragment: bytes, *, is_last: bool) -> None:
        if self._under_way is not None:
            self._pass_on(context_id, fragment)
            if is_last:
                self._under_way = None
            return
        if self._dropped is None or self._command:
            raise _MisplacedDataSetError("a data set without a command set")
        self._dropped.dropped_bytes += len(fragment)
        if self._dropped.dropped_bytes > self._dropped.limit_bytes:
            raise _MisplacedDataSetError("a data set that is refused, and does not end")
        if is_last:
            self._tell_refusal()
            self._dropped = None

    def _pass_on(self, context_id: int, fragment: bytes) -> None:
        passed = P_DATA()
        passed.presentation_data_value_list.append((context_id, fragment))
        super().receive_primitive(passed)
        if self.message is None:
            return
        if self.message.data_set.tell() > LARGEST_DATA_SET_IN_MEMORY_BYTES:
            raise _MisplacedDataSetError("a data set that is too large for its kind of message")

    def _tell_refusal(self) -> None:
        """Have the refused request answered in its turn."""
        if self._dropped is not None and self._dropped.told is not None:
            self.msg_queue.put(self._dropped.told)
            self._dropped.told = None

    def _end_unfinished(self) -> None:
        """Refuse the request whose data set did not come to its end before the next message."""
        self._tell_refusal()
        self._dropped = None
        if self._under_way is None:
            return
        (context_id, message), self._under_way = self._under_way, None
        file = getattr(self.message, "_data_set_file", None)
        if isinstance(file, IncomingFile):
            file.discard()
        self.message = None
        if message.request is not None:
            refused = RefusedRequest(message.request, DATA_SET_ENDED_EARLY)
            self.msg_queue.put((context_id, refused))
