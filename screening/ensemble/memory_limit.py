"""How many images are scored at once where the memory proved too small for more."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from screening.domain.failures import FailureReason
from screening.ensemble.examination import Failed
from screening.errors import OutOfMemoryError
from screening.logs import get_logger

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGEST_PART = 64
KEPT_S = 600
"""How long a halved size is kept: what else uses the memory seldom stays for ever."""
MOST_ALONE = 3
"""Images of one call that fail alone: all are as large, and each may take ten seconds to fail."""
log = get_logger()


class MemoryLimit:
    """The largest part of a batch that is scored at once; halved where that is too much."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._size = LARGEST_PART
        self._halved_at = clock()

    @property
    def size(self) -> int:
        """Images at once; the largest part again when the last halving is KEPT_S ago."""
        if self._size < LARGEST_PART and self._clock() - self._halved_at > KEPT_S:
            log.info("batch_size_restored", size=LARGEST_PART)
            self._size = LARGEST_PART
        return self._size

    def halve(self, tried: int, reason: str) -> None:
        """Take half of what was tried, 2 or more, from now on."""
        self._size, self._halved_at = tried // 2, self._clock()
        log.warning("batch_halved", tried=tried, size=self._size, kept_s=KEPT_S, reason=reason)


def in_parts(
    items: Sequence[Item], limit: MemoryLimit, score: Callable[[Sequence[Item]], Sequence[Result]]
) -> list[Result | Failed]:
    """Score items in parts that fit into memory; in order, one result each.

    score: raises OutOfMemoryError where a part is too large; it is halved down to one item, and
    one that does not fit alone fails with the reason `out_of_memory`, as do those after MOST_ALONE
    of them, untried.
    """
    results: list[Result | Failed] = []
    alone = 0
    while len(results) < len(items) and alone < MOST_ALONE:
        part = items[len(results) : len(results) + limit.size]
        try:
            results.extend(score(part))
        except OutOfMemoryError as error:
            if len(part) > 1:
                limit.halve(len(part), str(error))
                continue
            log.warning("out_of_memory", reason=str(error))
            results.append(Failed(FailureReason.OUT_OF_MEMORY, str(error)))
            alone += 1
    untried = Failed(FailureReason.OUT_OF_MEMORY, f"the {MOST_ALONE} before did not fit alone")
    return results + [untried] * (len(items) - len(results))
