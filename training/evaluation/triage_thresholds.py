"""Thresholds of the triage table, chosen on validation data.

Sensitivity and specificity do not depend on how common a disease is; precision does, and validation
data are no hospital's mix. So each rule names one of the two and how much of it is wanted.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import ManifestRule
from screening.domain.scores import THRESHOLD_DIGITS, Class
from screening.domain.triage import Priority
from training.errors import TrainingError
from training.metrics.classification import ScoredImages

_STEP: int = 10**THRESHOLD_DIGITS
"""Thresholds are whole steps of a score as it meets them, and are chosen on such scores."""


class Wanted(StrEnum):
    """What a threshold is chosen for."""

    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"


@dataclass(frozen=True, slots=True)
class TriageTarget:
    """One line of the triage table before its threshold is known.

    The threshold is the highest that keeps the wanted sensitivity, or the lowest that reaches the
    wanted specificity, kept between `lowest` and `highest`: classes that validation data part
    perfectly would otherwise leave it anywhere.
    """

    priority: Priority
    klass: Class
    wanted: Wanted
    at_least: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return (
            f"{self.priority}: {self.klass}, {self.wanted} at least {self.at_least:g}, threshold "
            f"within {self.lowest:g} and {self.highest:g}"
        )


TARGETS: tuple[TriageTarget, ...] = (
    TriageTarget(Priority.STAT, Class.COVID19, Wanted.SPECIFICITY, 0.99, 0.5, 0.99),
    TriageTarget(Priority.HIGH, Class.COVID19, Wanted.SENSITIVITY, 0.95, 0.1, 0.5),
    TriageTarget(Priority.HIGH, Class.PNEUMONIA, Wanted.SPECIFICITY, 0.95, 0.5, 0.99),
    TriageTarget(Priority.MEDIUM, Class.COVID19, Wanted.SENSITIVITY, 0.99, 0.05, 0.3),
    TriageTarget(Priority.MEDIUM, Class.PNEUMONIA, Wanted.SENSITIVITY, 0.95, 0.2, 0.5),
)


def choose_triage_rules(scored: ScoredImages) -> tuple[ManifestRule, ...]:
    """Return the triage table for an ensemble's calibrated scores of validation images.

    Raises TrainingError where a class has no image, or nothing but one has.
    """
    return tuple(
        ManifestRule(
            priority=target.priority, klass=target.klass, at_least=_threshold(scored, target)
        )
        for target in TARGETS
    )


def _threshold(scored: ScoredImages, target: TriageTarget) -> float:
    place = scored.classes.index(target.klass)
    positive = scored.true == place
    scores = scored.probabilities[:, place].round(THRESHOLD_DIGITS)
    counted = np.sort(scores[positive if target.wanted is Wanted.SENSITIVITY else ~positive])
    if not counted.size:
        raise TrainingError(
            f"expected validation images for the {target.wanted} of {target.klass}, found none; "
            "validate on all classes"
        )
    if target.wanted is Wanted.SENSITIVITY:
        chosen = _highest_that_keeps(counted, target.at_least)
    else:
        chosen = _lowest_that_excludes(counted, target.at_least)
    return float(np.clip(chosen, target.lowest, target.highest))


def _highest_that_keeps(rising: NDArray[np.float64], share: float) -> float:
    """Return the highest threshold that at least `share` of the scores reach."""
    needed = math.ceil(share * len(rising) - 1e-9)
    return float(rising[len(rising) - needed])


def _lowest_that_excludes(rising: NDArray[np.float64], share: float) -> float:
    """Return the lowest threshold that at least `share` of the scores stay below."""
    needed = math.ceil(share * len(rising) - 1e-9)
    steps = round(float(rising[needed - 1]) * _STEP)
    return (steps + 1) / _STEP
