"""When a destination that keeps failing is left alone: a circuit breaker, as pure rules.

closed (works, or failed a few times): everything due is sent. open (failed too often in a row): one
delivery a wait is sent as a probe; the first that the destination answers for good closes it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from screening.domain.lifecycle import backoff_s


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """failures: in a row, until a destination is only probed; waits between probes in seconds."""

    failures: int
    first_wait_s: float
    longest_wait_s: float


def next_probe(failures: int, now: datetime, rules: BreakerRules) -> datetime | None:
    """Return when a destination with so many failures in a row is probed; None: not left alone."""
    if failures < rules.failures:
        return None
    wait_s = backoff_s(
        failures - rules.failures + 1, first_s=rules.first_wait_s, longest_s=rules.longest_wait_s
    )
    return now + timedelta(seconds=wait_s)
