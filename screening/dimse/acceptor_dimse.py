"""The DIMSE provider as acceptor: one bad request gets a failure status; the association goes on.

Each command set is checked and re-encoded before pynetdicom sees it. See
docs/decisions/0013-guarding-pynetdicom.md.
"""

import queue
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from screening.dimse.acceptor_dul import UNANSWERED_REQUESTS
from screening.dimse.data_set_files import DataSetFile
from screening.dimse.data_values import DataValue, command_pdus
from screening.dimse.guarded_dimse import GuardedDIMSE, OversizedMessageError
from screening.dimse.guarded_dul import LOOK_AROUND_S
from screening.dimse.messages import (
    IgnoredMessage,
    PlainMessage,
    ReceivedObject,
    Refusal,
    RefusedRequest,
    Request,
)
from screening.transport.command_elements import C_STORE, UnusableCommandError

LARGEST_DATA_SET_IN_MEMORY_BYTES = 1 << 22
"""Of messages that are not streamed to a file: every one but C-STORE."""
MOST_CANCELS = 10
"""That pynetdicom keeps; it would take the next one for a request."""
Judge = Callable[[bytes, str], PlainMessage | RefusedRequest | IgnoredMessage]
"""Checks a whole command set, given the SOP class of its presentation context.

Raises UnusableCommandError where it is not a command set."""
OpenObject = Callable[[Request, str], DataSetFile]
"""Opens the file of a C-STORE request's data set, given its transfer syntax UID."""


class _MisplacedDataSetError(Exception):
    """A data set that no command set announced."""


@dataclass(slots=True)
class _DroppedDataSet:
    """A data set that is read and discarded; `refused` is answered at its end."""

    limit_bytes: int
    refused: tuple[int, RefusedRequest] | None = None
    dropped_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A request whose data set is arriving."""

    context_id: int
    message: PlainMessage
    file: DataSetFile | None
    """Of a C-STORE; pynetdicom collects the data set of another one."""


class AcceptorDIMSE(GuardedDIMSE):
    """Collects requests, and refuses each bad one by itself."""

    largest_data_set_bytes = LARGEST_DATA_SET_IN_MEMORY_BYTES

    def __init__(
        self,
        association: Any,
        judge: Judge,
        open_object: OpenObject,
        cut_short: Refusal,
        max_object_bytes: int,
    ) -> None:
        """cut_short: of a request whose data set does not come to its end.

        max_object_bytes: of a C-STORE; what is twice as large is not read to its end.
        """
        self._cancels: dict[int, Any] = {}
        super().__init__(association)
        self._judge = judge
        self._open_object = open_object
        self._cut_short = cut_short
        self._longest_dropped_bytes = 2 * max_object_bytes
        self._under_way: _UnderWay | None = None
        self._dropped: _DroppedDataSet | None = None

    @property
    def cancel_req(self) -> dict[int, Any]:
        """C-CANCELs by the Message ID that they name, where pynetdicom keeps them."""
        return self._cancels

    @cancel_req.setter
    def cancel_req(self, _: dict[int, Any]) -> None:
        """Keep them: pynetdicom would drop one that came before it turned to the request."""

    def get_msg(self, block: bool = False) -> Any:  # noqa: FBT001, FBT002  theirs
        """Return the next message; wait up to LOOK_AROUND_S for one."""
        if block:
            return super().get_msg(block)
        if self.dul.is_quiet:
            self.assoc.event_reports.send_next()
        try:
            message = self.msg_queue.get(timeout=LOOK_AROUND_S)
        except queue.Empty:
            return None, None
        if self.msg_queue.qsize() == UNANSWERED_REQUESTS - 1:
            self.dul.wake()  # it may read again
        return message

    def receive_values(self, values: Iterable[DataValue]) -> None:
        """Take presentation data values; abort on what cannot be used or is too large."""
        try:
            super().receive_values(values)
        except (UnusableCommandError, OversizedMessageError, _MisplacedDataSetError) as error:
            self.dul.refuse(str(error))
        except Exception as error:  # noqa: BLE001  an unknown context, an empty fragment, ...
            self.dul.refuse(f"a message that cannot be taken apart ({type(error).__name__})")

    def answer(self, context_id: int, command_set: bytes) -> None:
        """Send a response without a data set."""
        for pdu in command_pdus(context_id, command_set, self.maximum_pdu_size):
            self.dul.send_data(pdu)

    def files(self) -> list[DataSetFile]:
        """Return the files of the object under way, and of complete ones that were not served."""
        with self.msg_queue.mutex:
            waiting = [message for _, message in self.msg_queue.queue]
        files = [one.file for one in waiting if isinstance(one, ReceivedObject)]
        if self._under_way is not None:
            files.append(self._under_way.file)
        return [file for file in files if file is not None]

    def begin_command_set(self) -> None:
        """Refuse the previous request where its data set is incomplete."""
        self._tell_refusal()
        self._dropped = None
        if self._under_way is None:
            return
        cut, self._under_way = self._under_way, None
        if cut.file is not None:
            cut.file.discard()
        self.message = None
        if cut.message.request is not None:
            refused = RefusedRequest(cut.message.request, self._cut_short)
            self.msg_queue.put((cut.context_id, refused))

    def take_command_set(self, context_id: int, encoded: bytes) -> None:
        """Pass a message on, or drop it and have it answered."""
        message = self._judge(encoded, self._sop_class(context_id))
        if isinstance(message, PlainMessage):
            if message.mended:
                self.assoc.note("request_mended", message.mended)
            file = self._pass_message_on(context_id, message)
            self._under_way = _UnderWay(context_id, message, file) if message.has_data_set else None
            if not message.has_data_set:  # some send one all the same
                self._dropped = _DroppedDataSet(self._longest_dropped_bytes)
            return
        refused = (context_id, message) if isinstance(message, RefusedRequest) else None
        self._dropped = _DroppedDataSet(self._longest_dropped_bytes, refused)
        if not message.has_data_set:
            self._tell_refusal()

    def _pass_message_on(self, context_id: int, message: PlainMessage) -> DataSetFile | None:
        """Serve a C-STORE here, and let pynetdicom serve the others; return the object's file."""
        request = message.request
        if len(self._cancels) >= MOST_CANCELS:
            self._cancels.clear()
        if request is not None:
            self._cancels.pop(request.message_id, None)  # a late one, of an earlier request
        if request is None or request.command_field != C_STORE:
            self.pass_command_set_on(context_id, message.command_set)
            return None
        if not message.has_data_set:
            self.msg_queue.put((context_id, ReceivedObject(request, None)))
            return None
        return self._open_object(request, self._transfer_syntax(context_id))

    def take_data(self, context_id: int, fragment: memoryview | bytes, *, is_last: bool) -> None:
        """Pass a fragment on, or drop it."""
        if self._under_way is not None:
            self._take_expected(self._under_way, context_id, fragment, is_last=is_last)
            return
        if self._dropped is None or self._command:
            raise _MisplacedDataSetError("a data set without a command set")
        self._dropped.dropped_bytes += len(fragment)
        if self._dropped.dropped_bytes > self._dropped.limit_bytes:
            raise _MisplacedDataSetError("a data set that is refused, and does not end")
        if is_last:
            self._tell_refusal()
            self._dropped = None

    def _take_expected(
        self, under_way: _UnderWay, context_id: int, fragment: memoryview | bytes, *, is_last: bool
    ) -> None:
        if under_way.file is None:
            self.pass_on(context_id, fragment)
        else:
            under_way.file.write(memoryview(fragment)[1:])
        if not is_last:
            return
        self._under_way = None
        if under_way.file is not None and under_way.message.request is not None:
            received = ReceivedObject(under_way.message.request, under_way.file)
            self.msg_queue.put((under_way.context_id, received))

    def _sop_class(self, context_id: int) -> str:
        return str(self._context(context_id).abstract_syntax)

    def _transfer_syntax(self, context_id: int) -> str:
        return str(self._context(context_id).transfer_syntax[0])

    def _context(self, context_id: int) -> Any:
        accepted = self.assoc._accepted_cx.get(context_id)  # noqa: SLF001  no public way by ID
        if accepted is None:
            raise UnusableCommandError("a presentation context that was not accepted")
        return accepted

    def _tell_refusal(self) -> None:
        """Queue the answer to the refused request, so that it keeps its turn."""
        if self._dropped is not None and self._dropped.refused is not None:
            self.msg_queue.put(self._dropped.refused)
            self._dropped.refused = None
