"""Figures with 95 % intervals from a network's or an ensemble's scores.

Whole split groups are resampled, so that a patient with many images does not narrow an interval. A
proportion of exactly 0 or 1 has no spread to resample; it gets Wilson's interval, with the number
of split groups in its denominator as trials.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screening.domain.proportions import Interval, wilson_interval
from training.metrics.calibration import Reliability, expected_calibration_error, reliability
from training.metrics.confusion import ConfusionMatrix, confusion_matrix
from training.metrics.curves import (
    PrecisionRecallCurve,
    RocCurve,
    precision_recall_curve,
    roc_curve,
)
from training.metrics.intervals import LEAST_DEFINED, group_bootstrap, reflected_interval

RESAMPLES = 1000
CURVE_RESAMPLES = 200
"""For areas and calibration errors, which are slower to compute."""

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ScoredImages:
    """Scores of one classifier to a set of images.

    true: (images,) indices into classes. probabilities: (images, classes). groups, sources:
    (images,). seen: (images,) how many images of the same source were trained on; 0: left out.
    """

    classes: tuple[str, ...]
    true: Indices
    probabilities: Floats
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]
    seen: Indices

    @property
    def predicted(self) -> Indices:
        """The most probable class of each image; of equal ones the first."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.intp)

    def only(self, chosen: NDArray[np.bool_]) -> "ScoredImages":
        """Return the images where `chosen`, (images,), is true."""
        return ScoredImages(
            self.classes,
            self.true[chosen],
            self.probabilities[chosen],
            self.groups[chosen],
            self.sources[chosen],
            self.seen[chosen],
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, None where it is undefined, and its 95 % interval, None where that is."""

    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassEvaluation:
    """One class against the rest, fractions from 0 to 1."""

    images: int
    """Those truly of the class."""
    accuracy: Estimate
    sensitivity: Estimate
    specificity: Estimate
    precision: Estimate
    f1: Estimate
    roc_area: Estimate
    average_precision: Estimate
    calibration_error: Estimate
    roc: RocCurve | None
    precision_recall: PrecisionRecallCurve | None
    reliability: Reliability | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetEvaluation:
    """Figures on one set of images.

    balanced_accuracy: mean sensitivity of the classes, the accuracy at equal class sizes; None
    where a class has no image.
    """

    images: int
    groups: int
    confusion: ConfusionMatrix
    accuracy: Estimate
    balanced_accuracy: Estimate
    classes: Mapping[str, ClassEvaluation]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvaluation:
    """Figures on the images of one source; left_out: no image of it was trained on."""

    source: str
    left_out: bool
    figures: SetEvaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Figures of one classifier: on all images, and on those of each source alone."""

    name: str
    pooled: SetEvaluation
    sources: tuple[SourceEvaluation, ...]


def evaluate(name: str, scored: ScoredImages) -> Evaluation:
    """Return a classifier's figures, pooled and per source; deterministic."""
    sources = []
    for source in sorted(set(scored.sources.tolist())):
        own = scored.only(scored.sources == source)
        figures = evaluate_set(own)
        left_out = not own.seen.any()
        sources.append(SourceEvaluation(source=source, left_out=left_out, figures=figures))
    return Evaluation(name=name, pooled=evaluate_set(scored), sources=tuple(sources))


def evaluate_set(scored: ScoredImages) -> SetEvaluation:
    """Return the figures on one set of images."""
    matrices = _Matrices(scored)
    size = len(scored.classes)
    return SetEvaluation(
        images=len(scored.true),
        groups=len(np.unique(scored.groups)),
        confusion=confusion_matrix(scored.classes, scored.true, scored.predicted),
        accuracy=matrices.share(np.eye(size, dtype=bool), np.ones((size, size), dtype=bool)),
        balanced_accuracy=matrices.mean_sensitivity(),
        classes={
            name: _class_evaluation(scored, matrices, place)
            for place, name in enumerate(scored.classes)
        },
    )


def accuracy_difference(first: ScoredImages, second: ScoredImages) -> Estimate:
    """Return how much more accurate the first classifier is than the second on the same images.

    Raises ValueError where the images differ.
    """
    if not np.array_equal(first.true, second.true):
        raise ValueError("expected scores of the same images")
    gains = (first.predicted == first.true).astype(float) - (second.predicted == second.true)

    def mean(chosen: Indices) -> float:
        return float(gains[chosen].mean())

    return Estimate(float(gains.mean()), group_bootstrap(mean, first.groups))


class _Matrices:
    """The confusion matrix, and those of resampled groups, (resamples, classes, classes)."""

    def __init__(self, scored: ScoredImages) -> None:
        size = len(scored.classes)
        names, group_of = np.unique(scored.groups, return_inverse=True)
        self._by_group = np.zeros((len(names), size, size))
        np.add.at(self._by_group, (group_of, scored.true, scored.predicted), 1)
        self._all = self._by_group.sum(axis=0)
        random = np.random.default_rng(0)
        equal = np.full(len(names), 1 / max(len(names), 1))
        times_drawn = random.multinomial(len(names), equal, size=RESAMPLES)
        flat = self._by_group.reshape(len(names), size * size)
        self._resampled = (times_drawn @ flat).reshape(RESAMPLES, size, size)

    def share(
        self, part: NDArray[np.bool_], whole: NDArray[np.bool_], weight: float = 1
    ) -> Estimate:
        """Return the counts in cells `part` over those in `whole`.

        weight: of cells that are in both masks, 2 for F1.
        """

        def figure(matrix: Floats) -> Floats:
            hits = weight * (matrix * part).sum(axis=(-2, -1))
            trials = (matrix * whole).sum(axis=(-2, -1)) + (weight - 1) * (
                matrix * (part & whole)
            ).sum(axis=(-2, -1))
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray(hits / trials)

        value = _defined(float(figure(self._all)))
        if value in {0.0, 1.0}:
            trials = int(((self._by_group * whole).sum(axis=(-2, -1)) > 0).sum())
            return Estimate(value, wilson_interval(int(value) * trials, trials))
        return Estimate(value, None if value is None else _percentiles(figure(self._resampled)))

    def mean_sensitivity(self) -> Estimate:
        """Return the mean over classes of the share of its images that were called it."""

        def figure(matrix: Floats) -> Floats:
            hits = np.diagonal(matrix, axis1=-2, axis2=-1)
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray((hits / matrix.sum(axis=-1)).mean(axis=-1))

        value = _defined(float(figure(self._all)))
        return Estimate(value, _percentiles(figure(self._resampled)) if _spreads(value) else None)


def _class_evaluation(scored: ScoredImages, matrices: _Matrices, place: int) -> ClassEvaluation:
    positive = scored.true == place
    scores = scored.probabilities[:, place]
    size = len(scored.classes)
    row, column = np.zeros((size, size), dtype=bool), np.zeros((size, size), dtype=bool)
    row[place], column[:, place] = True, True
    everything = np.ones((size, size), dtype=bool)

    def area(curve: Callable[..., RocCurve | PrecisionRecallCurve | None]) -> Estimate:
        def figure(chosen: Indices) -> float | None:
            found = curve(positive[chosen], scores[chosen])
            return found.area if found else None

        return _resampled(figure, scored.groups)

    def error(chosen: Indices) -> float | None:
        return expected_calibration_error(positive[chosen], scores[chosen])

    return ClassEvaluation(
        images=int(positive.sum()),
        accuracy=matrices.share((row & column) | (~row & ~column), everything),
        sensitivity=matrices.share(row & column, row),
        specificity=matrices.share(~row & ~column, ~row),
        precision=matrices.share(row & column, column),
        f1=matrices.share(row & column, row | column, weight=2),
        roc_area=area(roc_curve),
        average_precision=area(precision_recall_curve),
        calibration_error=_reflected(_resampled(error, scored.groups)),
        roc=roc_curve(positive, scores),
        precision_recall=precision_recall_curve(positive, scores),
        reliability=reliability(positive, scores),
    )


def _resampled(figure: Callable[[Indices], float | None], groups: NDArray[np.str_]) -> Estimate:
    value = figure(np.arange(len(groups)))
    if not _spreads(value):
        return Estimate(value)
    return Estimate(value, group_bootstrap(figure, groups, resamples=CURVE_RESAMPLES))


def _reflected(found: Estimate) -> Estimate:
    if found.value is None or found.interval is None:
        return found
    return Estimate(found.value, reflected_interval(found.value, found.interval))


def _percentiles(values: Floats) -> Interval | None:
    known = values[np.isfinite(values)]
    if len(known) < LEAST_DEFINED * len(values):
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(float(low), float(high))


def _spreads(value: float | None) -> bool:
    """Return whether resampling says anything: a perfect figure is perfect on every resample."""
    return value is not None and 0 < value < 1


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None


def joined(parts: Sequence[ScoredImages]) -> ScoredImages:
    """Return the scores of several folds as one set; classes must be the same."""
    return ScoredImages(
        parts[0].classes,
        np.concatenate([part.true for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.groups for part in parts]),
        np.concatenate([part.sources for part in parts]),
        np.concatenate([part.seen for part in parts]),
    )
