"""N-EVENT-REPORT requests over an association that the peer has opened, sent by its own thread.

pynetdicom's `send_n_event_report` takes the next message for the answer, whatever it is; here the
answer is matched by its message ID, so that the peer may send requests meanwhile. A report is sent
when the peer has been quiet for a moment: a peer that releases after its request does so at once,
and gets the report on a new association.
Source: PS3.7 10.1.1, PS3.4 J.3.3.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import encode

LARGEST_MESSAGE_ID = 0xFFFF
OnEnd = Callable[[int | None], None]
"""Is called once: with the status of the answer, or None where there will be none."""


@dataclass(frozen=True, slots=True)
class EventReport:
    """One event to report to a peer."""

    sop_class_uid: str
    sop_instance_uid: str
    event_type: int
    information: Dataset
    on_end: OnEnd


class EventReports:
    """The event reports of one association, sent one after the other."""

    def __init__(self, association: Any) -> None:
        self._association = association
        self._waiting: deque[EventReport] = deque()
        self._under_way: tuple[int, EventReport] | None = None
        self._message_id = 0
        self._closed = False
        self._lock = threading.Lock()

    def post(self, report: EventReport) -> bool:
        """Queue a report, from any thread; return False where the association has ended."""
        with self._lock:
            if self._closed or not self._association.is_established:
                return False
            self._waiting.append(report)
            return True

    def send_next(self) -> None:
        """Send the next report unless one is under way; only in the association's thread."""
        with self._lock:
            if self._under_way or not self._waiting or not self._association.is_established:
                return
            report = self._waiting.popleft()
            self._message_id = self._message_id % LARGEST_MESSAGE_ID + 1
            self._under_way = (self._message_id, report)
        if not self._send(report):
            self._end(None)

    def answered(self, response: N_EVENT_REPORT) -> None:
        """Take an answer; ignore one that answers no report of ours."""
        under_way = self._under_way
        if under_way is not None and response.MessageIDBeingRespondedTo == under_way[0]:
            self._end(response.Status)

    def close(self) -> None:
        """End every report that has no answer yet: it will get none."""
        with self._lock:
            self._closed = True
            left = list(self._waiting)
            self._waiting.clear()
        self._end(None)
        for report in left:
            report.on_end(None)

    def _end(self, status: int | None) -> None:
        with self._lock:
            under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way[1].on_end(status)

    def _send(self, report: EventReport) -> bool:
        """Send a report on the context of its SOP class; return whether there is one."""
        context = next(
            (
                one
                for one in self._association.accepted_contexts
                if one.abstract_syntax == report.sop_class_uid
            ),
            None,
        )
        if context is None:
            return False
        syntax = context.transfer_syntax[0]
        information = encode(report.information, syntax.is_implicit_VR, syntax.is_little_endian)
        if information is None:
            return False
        request = N_EVENT_REPORT()
        request.MessageID = self._message_id
        request.AffectedSOPClassUID = report.sop_class_uid
        request.AffectedSOPInstanceUID = report.sop_instance_uid
        request.EventTypeID = report.event_type
        request.EventInformation = BytesIO(information)
        self._association.dimse.send_msg(request, context.context_id)
        return True
