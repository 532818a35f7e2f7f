"""When readings begin: readers at work in their hours, or the readings that a site recorded."""

import heapq
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

Begins = Callable[[datetime], datetime | None]
"""Returns when the next reading begins, not before a moment; None: there is none any more."""
SPREAD = 0.5
"""Standard deviation of the logarithm of a reading time."""


class Readers(Protocol):
    """Whoever reads a queue."""

    def at_work(self) -> Begins:
        """Return the readers as at the start of a replay; each call begins anew, and alike."""
        ...


@dataclass(frozen=True, slots=True)
class Staff:
    """Readers who each take the next study when they have read the last."""

    readers: int
    """How many read side by side, at least 1."""
    reading_time: timedelta
    """The mean; a reading time is log-normal, and a reading keeps its time in every order."""
    first_hour: float
    """When they begin each day, 0 to 24."""
    last_hour: float
    """When they begin no more reading, above first_hour, at most 24."""
    seed: int

    @property
    def per_hour(self) -> float:
        """How many studies they read in an hour of a day, nights included."""
        share = (self.last_hour - self.first_hour) / 24
        return self.readers * share * timedelta(hours=1) / self.reading_time

    def at_work(self) -> Begins:
        """Return these readers as at the start of a replay."""
        free_at: list[datetime] = []
        times = self._reading_times()

        def next_begin(earliest: datetime) -> datetime:
            if len(free_at) < self.readers:
                begin = self._in_hours(earliest)
                heapq.heappush(free_at, begin + next(times))
                return begin
            begin = self._in_hours(max(earliest, free_at[0]))
            heapq.heapreplace(free_at, begin + next(times))
            return begin

        return next_begin

    def _reading_times(self) -> Iterator[timedelta]:
        chance = random.Random(self.seed)  # noqa: S311  a simulation, not a secret
        median_s = self.reading_time.total_seconds() / math.exp(SPREAD**2 / 2)
        while True:
            yield timedelta(seconds=chance.lognormvariate(math.log(median_s), SPREAD))

    def _in_hours(self, at: datetime) -> datetime:
        """Return the moment, or when the readers come next."""
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        first, last = (midnight + timedelta(hours=one) for one in (self.first_hour, self.last_hour))
        if at < first:
            return first
        return at if at < last else first + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The moments in which a site's readers began to read, in their order."""

    moments: Sequence[datetime]

    def at_work(self) -> Begins:
        """Return the readings from the first on."""
        left = iter(self.moments)
        return lambda earliest: next((one for one in left if one >= earliest), None)
