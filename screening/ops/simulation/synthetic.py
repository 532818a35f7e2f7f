"""Studies made up from a few figures: how many come, how many are ill, how well they are found."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

from screening.ops.simulation.replay import QueuedStudy

ALL, ILL, FOUND, MISSED = "all", "with disease", "with disease, found", "with disease, missed"
HEALTHY, FALSE_ALARMS = "without disease", "without disease, called"
MADE_UP_GROUPS = (ALL, ILL, FOUND, MISSED, HEALTHY, FALSE_ALARMS)
START = datetime(2026, 1, 1, tzinfo=UTC)
CALLED_RANK, OTHER_RANK = 1, 4
"""HIGH and LOW."""
SUREST = 1e-9
"""A sensitivity or specificity of 1 is taken for one that misses one in a thousand million."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is assumed of a site and of the ensemble."""

    arrivals_per_hour: float
    """The mean; studies come at random, day and night alike (a Poisson process)."""
    days: float
    """How long they come."""
    prevalence: float
    """The share of studies with disease, 0 to 1."""
    sensitivity: float
    """The share of those that is called HIGH, 0 to 1."""
    specificity: float
    """The share of the others that is called LOW, 0 to 1."""
    seed: int


def made_up(assumed: Assumptions) -> list[QueuedStudy]:
    """Return studies in the order of arrival; equal assumptions give equal studies.

    Scores follow the binormal model with equal variances: what the ensemble sees is normally
    distributed in both classes, and its threshold is where sensitivity and specificity are as
    assumed. Source: Metz, Basic principles of ROC analysis, Semin Nucl Med 8 (1978).
    """
    chance = random.Random(assumed.seed)  # noqa: S311  a simulation, not a secret
    normal = NormalDist()
    threshold = normal.inv_cdf(_clipped(assumed.specificity))
    distance = threshold + normal.inv_cdf(_clipped(assumed.sensitivity))
    studies: list[QueuedStudy] = []
    hours = chance.expovariate(assumed.arrivals_per_hour)
    while hours < 24 * assumed.days:
        is_ill = chance.random() < assumed.prevalence
        seen = chance.gauss(distance if is_ill else 0.0, 1.0)
        studies.append(_study(len(studies), hours, is_ill=is_ill, evidence=seen - threshold))
        hours += chance.expovariate(assumed.arrivals_per_hour)
    return studies


def _study(number: int, hours: float, *, is_ill: bool, evidence: float) -> QueuedStudy:
    """Return one study; evidence: above 0 it is called."""
    called = evidence >= 0
    groups: tuple[str, ...]
    if is_ill:
        groups = (ALL, ILL, FOUND if called else MISSED)
    else:
        groups = (ALL, HEALTHY, FALSE_ALARMS) if called else (ALL, HEALTHY)
    return QueuedStudy(
        received_at=START + timedelta(hours=hours),
        rank=CALLED_RANK if called else OTHER_RANK,
        score_order=-NormalDist().cdf(evidence),
        study_instance_uid=f"2.25.{number:09}",
        groups=groups,
    )


def _clipped(share: float) -> float:
    return min(max(share, SUREST), 1 - SUREST)
