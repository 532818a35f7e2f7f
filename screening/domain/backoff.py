"""How long work that failed waits until it is tried again: one rule, and one table of limits."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MOST_DOUBLINGS = 64
"""Longer than any limit. Deliveries are retried for ever, and 2.0 ** 1024 overflows."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off: the wait doubles with each failure, up to a limit."""

    first_s: float
    """The longest wait after the first failure, in seconds."""
    longest_s: float
    """The longest wait after any number of failures, in seconds."""
    jitter: float = 0.5
    """The share of each wait that is random, 0 to 1. With none, work that failed together comes
    back together."""

    def wait_s(self, failures: int) -> float:
        """Return how many seconds to wait after so many failures in a row.

        At most first_s * 2 ** (failures - 1) and at most longest_s; at least `1 - jitter` of that.
        """
        doublings = min(MOST_DOUBLINGS, max(0, failures - 1))
        limit_s = min(self.longest_s, self.first_s * 2.0**doublings)
        return random.uniform((1 - self.jitter) * limit_s, limit_s)  # noqa: S311  not a secret


class Retried(StrEnum):
    """What is tried again after a wait."""

    CLASSIFICATION = "a classification"
    HEAT_MAP = "computing heat-maps"
    REPORT = "making a report"
    DELIVERY = "a delivery"
    PROBE = "a destination that keeps failing"
    COMMITMENT = "asking for commitment"
    COMMITMENT_NOT_YET = "asking again, where the destination cannot commit itself yet"
    COMMITMENT_REQUEST = "answering a peer's request for commitment"
    STEP_REPORT = "telling an AE of a procedure step"
    WRITE = "recording a result while the database is away"
    STATION = "starting a station that ended, under `screening up`"


BACKOFFS: Mapping[Retried, Backoff] = {
    Retried.CLASSIFICATION: Backoff(first_s=5, longest_s=600),
    Retried.HEAT_MAP: Backoff(first_s=5, longest_s=60),
    Retried.REPORT: Backoff(first_s=10, longest_s=300),
    Retried.DELIVERY: Backoff(first_s=5, longest_s=600),
    Retried.PROBE: Backoff(first_s=5, longest_s=60),
    Retried.COMMITMENT: Backoff(first_s=5, longest_s=600),
    Retried.COMMITMENT_NOT_YET: Backoff(first_s=60, longest_s=3600),
    Retried.COMMITMENT_REQUEST: Backoff(first_s=5, longest_s=600),
    Retried.STEP_REPORT: Backoff(first_s=5, longest_s=600),
    Retried.WRITE: Backoff(first_s=0.1, longest_s=2, jitter=0),
    Retried.STATION: Backoff(first_s=1, longest_s=30, jitter=0),
}
"""The defaults; `screening.settings.BACKOFF_SETTINGS` says which of them a site may change."""
