"""When a destination that keeps failing is paused: a circuit breaker, as pure rules.

closed (works, or failed a few times): everything due is sent. open (failed too often in a row): one
delivery a wait is sent as a probe; the first that the destination answers for good closes it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from screening.domain.backoff import Backoff


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a destination is paused, and how often it is probed then."""

    failures: int
    """In a row, until a destination is only probed."""
    backoff: Backoff
    """The waits between two probes."""


def next_probe(failures: int, now: datetime, rules: BreakerRules) -> datetime | None:
    """Return when a destination with so many failures in a row is probed; None: not paused."""
    if failures < rules.failures:
        return None
    return now + timedelta(seconds=rules.backoff.wait_s(failures - rules.failures + 1))
