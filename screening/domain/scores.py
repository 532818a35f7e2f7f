"""Class scores of the members and of the ensemble.

The ensemble has three classes; a member may have more (CoroNet tells bacterial from viral
pneumonia), which are added. Source: khan2020 (4 classes), rahimzadeh2020 (3 classes).

A network's probabilities are only as exact as its floating-point sums, whose order differs by
batch, processor, library and device. Therefore a score is rounded to tenths of a percent, which
people read, before it is compared with a threshold. Rows, JSON and the numeric items of reports
hold it unrounded, and lists are ordered by that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

THRESHOLD_DIGITS = 3
"""Decimal places of a score, 0 to 1, when it is compared with a threshold: tenths of a percent, as
people see it."""
SCORE_TOLERANCE = 2e-4
"""How much a score may differ in another batch, or on another processor, library or device: a fifth
of the last digit that is compared with a threshold. A trained bundle differs by 2e-7 between
instruction sets; the untrained one, whose random weights amplify rounding, by 8e-5."""


class Class(StrEnum):
    """What the ensemble scores."""

    COVID19 = "covid19"
    PNEUMONIA = "pneumonia"
    NORMAL = "normal"


CLASS_OF_MEMBER_CLASS: Mapping[str, Class] = {
    "covid19": Class.COVID19,
    "pneumonia": Class.PNEUMONIA,
    "bacterial_pneumonia": Class.PNEUMONIA,
    "viral_pneumonia": Class.PNEUMONIA,
    "normal": Class.NORMAL,
}
CLASS_TITLES: Mapping[Class, str] = {
    Class.COVID19: "COVID-19",
    Class.PNEUMONIA: "Pneumonia",
    Class.NORMAL: "Normal",
}


LEAST_SHOWN, MOST_SHOWN = 0.01, 0.99
"""Beyond these, people see only "<" or ">": the measurements cannot tell 99.2 from 99.9 %.
"""


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Probabilities of the three classes, each 0 to 1, adding up to 1."""

    covid19: float
    pneumonia: float
    normal: float

    def of(self, klass: Class) -> float:
        """Return the probability of one class, 0 to 1."""
        return float(getattr(self, klass.value))

    def as_dict(self) -> dict[str, float]:
        """Return the scores by class name."""
        return {klass.value: self.of(klass) for klass in Class}


@dataclass(frozen=True, slots=True)
class MemberScores:
    """One member's scores: its own classes, uncalibrated, and the three calibrated ones."""

    member: str
    raw: Mapping[str, float]
    calibrated: ClassScores


@dataclass(frozen=True, slots=True)
class EnsembleScores:
    """The ensemble's scores and those of each member."""

    ensemble: ClassScores
    members: tuple[MemberScores, ...]


def percent(probability: float) -> str:
    """Return a probability (0 to 1) as people see it: "87.4 %", or "> 99 %" and "< 1 %"."""
    if probability > MOST_SHOWN:
        return f"> {100 * MOST_SHOWN:g} %"
    if probability < LEAST_SHOWN:
        return f"< {100 * LEAST_SHOWN:g} %"
    return f"{100 * probability:.1f} %"


def calibrate(probabilities: Sequence[float], temperature: float) -> list[float]:
    """Soften or sharpen a softmax output by a temperature.

    probabilities: 0 to 1, adding up to 1; temperature above 0, 1 changes nothing.
    Returns the softmax of log(p) / temperature.
    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    logits = [math.log(max(p, 1e-12)) / temperature for p in probabilities]
    top = max(logits)
    weights = [math.exp(logit - top) for logit in logits]
    total = sum(weights)
    return [weight / total for weight in weights]


def member_scores(
    member: str, classes: Sequence[str], probabilities: Sequence[float], temperature: float
) -> MemberScores:
    """Calibrate one member's output and fold its classes into the ensemble's three.

    Raises KeyError for a class that `CLASS_OF_MEMBER_CLASS` does not know.
    """
    sums = dict.fromkeys(Class, 0.0)
    for name, p in zip(classes, calibrate(probabilities, temperature), strict=True):
        sums[CLASS_OF_MEMBER_CLASS[name]] += p
    return MemberScores(
        member=member,
        raw={name: float(p) for name, p in zip(classes, probabilities, strict=True)},
        calibrated=ClassScores(**{klass.value: p for klass, p in sums.items()}),
    )


def combine(members: Sequence[MemberScores], weights: Sequence[float]) -> EnsembleScores:
    """Return the weighted mean of calibrated member scores; weights need not add up to 1."""
    total = sum(weights)
    means = {
        klass.value: sum(w * m.calibrated.of(klass) for m, w in zip(members, weights, strict=True))
        / total
        for klass in Class
    }
    return EnsembleScores(ensemble=ClassScores(**means), members=tuple(members))
