"""The DIMSE provider as acceptor: one bad request gets a failure status; the association goes on.

Each command set is checked and re-encoded before pynetdicom sees it. See
docs/decisions/0013-guarding-pynetdicom.md.
"""

import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pynetdicom.pdu_primitives import P_DATA

from screening.dimse.acceptor_dul import QUIET_POLL_S
from screening.dimse.data_set_files import DataSetFile, data_set_file, file_under_way
from screening.dimse.guarded_dimse import COMMAND, LAST, GuardedDIMSE, OversizedMessageError
from screening.dimse.messages import IgnoredMessage, PlainMessage, Refusal, RefusedRequest
from screening.transport.command_elements import UnusableCommandError

LARGEST_DATA_SET_IN_MEMORY_BYTES = 1 << 22
"""Of messages that are not streamed to a file: every one but C-STORE."""
PDV_HEAD_BYTES = 6
Judge = Callable[[bytes, str], PlainMessage | RefusedRequest | IgnoredMessage]
"""Checks a whole command set, given the SOP class of its presentation context.

Raises UnusableCommandError where it is not a command set."""


class _MisplacedDataSetError(Exception):
    """A data set that no command set announced."""


@dataclass(slots=True)
class _DroppedDataSet:
    """A data set that is read and discarded; `refused` is answered at its end."""

    limit_bytes: int
    refused: tuple[int, RefusedRequest] | None = None
    dropped_bytes: int = 0


class AcceptorDIMSE(GuardedDIMSE):
    """Collects requests, and refuses each bad one by itself."""

    largest_data_set_bytes = LARGEST_DATA_SET_IN_MEMORY_BYTES

    def __init__(
        self, association: Any, judge: Judge, cut_short: Refusal, max_object_bytes: int
    ) -> None:
        """cut_short: of a request whose data set does not come to its end.

        max_object_bytes: of a C-STORE; what is twice as large is not read to its end.
        """
        super().__init__(association)
        self._judge = judge
        self._cut_short = cut_short
        self._longest_dropped_bytes = 2 * max_object_bytes
        self._under_way: tuple[int, PlainMessage] | None = None
        self._dropped: _DroppedDataSet | None = None

    def get_msg(self, block: bool = False) -> Any:  # noqa: FBT001, FBT002  theirs
        """Return the next message; where the peer is quiet, wait up to QUIET_POLL_S for one."""
        if not block and self.dul.is_quiet:
            self.assoc.event_reports.send_next()
        if block or not self.dul.is_quiet:
            return super().get_msg(block)
        try:
            return self.msg_queue.get(timeout=QUIET_POLL_S)
        except queue.Empty:
            return None, None

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take a P-DATA; abort on one that cannot be used, and on too large a message."""
        try:
            super().receive_primitive(primitive)
        except (UnusableCommandError, OversizedMessageError, _MisplacedDataSetError) as error:
            self.dul.refuse(str(error))
        except Exception as error:  # noqa: BLE001  an unknown context, an empty fragment, ...
            self.dul.refuse(f"a message that cannot be taken apart ({type(error).__name__})")

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

    def files(self) -> list[DataSetFile]:
        """Return the files of the object under way, and of complete ones that were not served."""
        with self.msg_queue.mutex:
            waiting = [message for _, message in self.msg_queue.queue]
        files = [file_under_way(self.message), *map(data_set_file, waiting)]
        return [file for file in files if file is not None]

    def begin_command_set(self) -> None:
        """Refuse the previous request where its data set is incomplete."""
        self._tell_refusal()
        self._dropped = None
        if self._under_way is None:
            return
        (context_id, message), self._under_way = self._under_way, None
        if file := file_under_way(self.message):
            file.discard()
        self.message = None
        if message.request is not None:
            refused = RefusedRequest(message.request, self._cut_short)
            self.msg_queue.put((context_id, refused))

    def take_command_set(self, context_id: int, encoded: bytes) -> None:
        """Pass a message on, or drop it and have it answered."""
        message = self._judge(encoded, self._sop_class(context_id))
        if isinstance(message, PlainMessage):
            if message.mended:
                self.assoc.note("request_mended", message.mended)
            self.pass_command_set_on(context_id, message.command_set)
            self._under_way = (context_id, message) if message.has_data_set else None
            if not message.has_data_set:  # some send one all the same
                self._dropped = _DroppedDataSet(self._longest_dropped_bytes)
            return
        refused = (context_id, message) if isinstance(message, RefusedRequest) else None
        self._dropped = _DroppedDataSet(self._longest_dropped_bytes, refused)
        if not message.has_data_set:
            self._tell_refusal()

    def take_data(self, context_id: int, fragment: bytes, *, is_last: bool) -> None:
        """Pass a fragment on, or drop it."""
        if self._under_way is not None:
            self.pass_on(context_id, fragment)
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

    def _sop_class(self, context_id: int) -> str:
        accepted = self.assoc._accepted_cx.get(context_id)  # noqa: SLF001  no public way by ID
        if accepted is None:
            raise UnusableCommandError("a presentation context that was not accepted")
        return str(accepted.abstract_syntax)

    def _tell_refusal(self) -> None:
        """Queue the answer to the refused request, so that it keeps its turn."""
        if self._dropped is not None and self._dropped.refused is not None:
            self.msg_queue.put(self._dropped.refused)
            self._dropped.refused = None
