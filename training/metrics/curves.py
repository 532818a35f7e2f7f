"""ROC and precision-recall curves of one class against the rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Points by falling threshold, from (0, 0) to (1, 1); `thresholds` starts with infinity.

    An image counts as called where its score is at least the threshold.
    """

    thresholds: Floats
    false_positive_rate: Floats
    sensitivity: Floats
    area: float


@dataclass(frozen=True, slots=True)
class PrecisionRecallCurve:
    """Points by falling threshold; area is the average precision (steps, no interpolation).

    Interpolating precision linearly would flatter: Davis & Goadrich 2006.
    """

    thresholds: Floats
    precision: Floats
    sensitivity: Floats
    area: float


def roc_curve(positive: NDArray[np.bool_], scores: Floats) -> RocCurve | None:
    """Return the ROC curve, None where there are no positives or no negatives.

    positive: shape (images,); scores: shape (images,), higher means more likely positive. The area
    is the probability that a positive scores above a negative, ties counting half (Mann-Whitney).
    Raises ValueError where the shapes differ or a score is not finite.
    """
    thresholds, hits, alarms = _by_threshold(positive, scores)
    if not (hits.size and hits[-1] and alarms[-1]):
        return None
    sensitivity = np.concatenate([[0.0], hits / hits[-1]])
    false_positive_rate = np.concatenate([[0.0], alarms / alarms[-1]])
    return RocCurve(
        thresholds=np.concatenate([[np.inf], thresholds]),
        false_positive_rate=false_positive_rate,
        sensitivity=sensitivity,
        area=float(np.trapezoid(sensitivity, false_positive_rate)),
    )


def precision_recall_curve(
    positive: NDArray[np.bool_], scores: Floats
) -> PrecisionRecallCurve | None:
    """Return the precision-recall curve, None where there are no positives.

    Arguments and errors as for `roc_curve`.
    """
    thresholds, hits, alarms = _by_threshold(positive, scores)
    if not (hits.size and hits[-1]):
        return None
    precision = hits / (hits + alarms)
    sensitivity = hits / hits[-1]
    return PrecisionRecallCurve(
        thresholds=thresholds,
        precision=precision,
        sensitivity=sensitivity,
        area=float(np.sum(np.diff(sensitivity, prepend=0.0) * precision)),
    )


def _by_threshold(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the distinct scores, falling, and the hits and false alarms at each."""
    if positive.shape != scores.shape or scores.ndim != 1:
        raise ValueError(f"expected one score per image, found {positive.shape}, {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("expected finite scores, found some that are not; see the network's loss")
    order = np.argsort(-scores, kind="stable")
    falling, called = scores[order], positive[order]
    last_of_tie = np.flatnonzero(np.append(np.diff(falling) != 0, [True] * bool(falling.size)))
    hits = np.cumsum(called, dtype=np.float64)[last_of_tie]
    alarms = np.cumsum(~called, dtype=np.float64)[last_of_tie]
    return falling[last_of_tie].astype(np.float64), hits, alarms
