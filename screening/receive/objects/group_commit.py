"""Group commit: what arrives together is written in one transaction.

The first thread that comes writes for all that wait by then; those that come meanwhile are the next
group. A commit costs the disk's latency, whatever it holds: eight associations pay it once.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from screening.errors import DatabaseUnavailableError

Item = TypeVar("Item")
Result = TypeVar("Result")
SHARED_AFTER_S = 1.0
"""Where the database is away for so long, all of a group are told so; else each tries alone."""


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    """One item until it is written."""

    item: Item
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Given when it is written, or when it is to write."""
    leads: bool = False
    results: list[Result] = field(default_factory=list)
    """One, once it is written."""
    error: Exception | None = None


class GroupCommit(Generic[Item, Result]):
    """Hands items of many threads to one function, in groups; each thread gets its own result."""

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        """write: writes all or none, in one transaction, and returns a result for each."""
        self._write = write
        self._waiting: list[_Waiting[Item, Result]] = []
        self._is_led = False
        self._lock = threading.Lock()

    def submit(self, item: Item) -> Result:
        """Return the item's result once it is committed.

        A group that cannot be written is written one by one, so that an item that is at fault
        fails alone. Raises what `write` raises for this item.
        """
        mine = _Waiting[Item, Result](item)
        with self._lock:
            self._waiting.append(mine)
            mine.leads, self._is_led = not self._is_led, True
        if not mine.leads:
            mine.turn.acquire()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.results[0] if mine.results else self._write([item])[0]

    def _lead(self) -> None:
        """Write for all that wait, and let the first of those that came meanwhile do the same."""
        with self._lock:
            group, self._waiting = self._waiting, []
        try:
            self._write_group(group)
        finally:
            with self._lock:
                successor = self._waiting[0] if self._waiting else None
                self._is_led = successor is not None
            if successor is not None:
                successor.leads = True
                successor.turn.release()
            for one in group:
                one.turn.release()

    def _write_group(self, group: Sequence[_Waiting[Item, Result]]) -> None:
        began_s = time.monotonic()
        try:
            results = self._write([one.item for one in group])
        except Exception as error:  # noqa: BLE001  each thread raises it, or its own, from `submit`
            lasted = time.monotonic() - began_s > SHARED_AFTER_S
            is_for_all = isinstance(error, DatabaseUnavailableError) and lasted
            if len(group) == 1 or is_for_all:
                for one in group:
                    one.error = error
            return
        for one, result in zip(group, results, strict=True):
            one.results.append(result)
