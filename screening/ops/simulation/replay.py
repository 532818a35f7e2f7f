"""A queue of studies replayed in one reading order: who would have been read when.

The order is that of the list itself (`screening.domain.reading_order`). In each order the k-th
reading begins at the same time and takes as long, whichever study it is of: orders differ in who
waits, and not in how much is read. A study's place is known on its arrival; scoring takes seconds.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from screening.domain.reading_order import Section, order_values, overdue_until, section_of
from screening.ops.simulation.readers import Readers


@dataclass(frozen=True, slots=True)
class QueuedStudy:
    """One study in a replay, with what the list orders by; groups: in whose figures it counts."""

    received_at: datetime
    rank: int
    score_order: float
    study_instance_uid: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """How long one study waited; is_read: until its reading began, else until the replay ended."""

    study: QueuedStudy
    waited: timedelta
    is_read: bool = True


def replay(
    studies: Sequence[QueuedStudy],
    readers: Readers,
    cap: timedelta | None,
    ends_at: datetime | None = None,
) -> list[Wait]:
    """Return how long each study waits, in the order of reading, those that are not read last.

    studies: in the order of arrival. cap: how long one may wait before it goes ahead of others;
    None: as long as others are more urgent; nothing: first come, first served. ends_at: until when
    those wait that nobody reads; needed where readings may end before the studies do.
    """
    queue, waits, next_begin = _Queue(cap), list[Wait](), readers.at_work()
    arrived = 0
    while arrived < len(studies) or queue:
        # who waits is there; else whoever comes next is waited for
        begin = next_begin(studies[arrived - 1 if queue else arrived].received_at)
        if begin is None:
            break
        while arrived < len(studies) and studies[arrived].received_at <= begin:
            queue.add(studies[arrived])
            arrived += 1
        study = queue.take(begin)
        waits.append(Wait(study, begin - study.received_at))
    left = [*queue.left(), *studies[arrived:]]
    if not left:
        return waits
    if ends_at is None:
        raise ValueError(f"expected an end of the replay, as {len(left)} studies are not read")
    return [*waits, *(Wait(one, ends_at - one.received_at, is_read=False) for one in left)]


class _Queue:
    """The studies that wait, in the order of both sections."""

    def __init__(self, cap: timedelta | None) -> None:
        self._cap = cap
        self._heaps: dict[Section, list[tuple[Any, ...]]] = {section: [] for section in Section}
        self._waiting: dict[str, QueuedStudy] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, study: QueuedStudy) -> None:
        self._waiting[study.study_instance_uid] = study
        for section, heap in self._heaps.items():
            # the last value of both orders is the UID, so that no two are alike
            heapq.heappush(heap, order_values(study, section))

    def take(self, now: datetime) -> QueuedStudy:
        """Return the study that is read next, and remove it."""
        oldest = self._waiting[self._first(Section.OVERDUE)]
        until = overdue_until(now, self._cap)
        section = section_of(oldest.received_at, until=until)
        return self._waiting.pop(self._first(section))

    def left(self) -> Iterator[QueuedStudy]:
        """Yield those that nobody has read."""
        yield from self._waiting.values()

    def _first(self, section: Section) -> str:
        """Return the UID of the first that waits, passing over those that are read."""
        heap = self._heaps[section]
        while heap[0][-1] not in self._waiting:
            heapq.heappop(heap)
        return str(heap[0][-1])
