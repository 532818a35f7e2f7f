"""The papers' figures from counts.

Source: rahimzadeh2020 equations 1 to 5; khan2020 section "Results" (whose printed recall adds FP
and FN by mistake: recall is TP / (TP + FN), the sensitivity of the other paper).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from training.metrics.confusion import ConfusionMatrix


@dataclass(frozen=True, slots=True)
class OneVersusRest:
    """Counts of images for one class against all others together."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @property
    def images(self) -> int:
        """All images."""
        return self.true_positive + self.false_negative + self.false_positive + self.true_negative


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Fractions from 0 to 1 for one class against the rest; None where nothing is to divide by."""

    accuracy: float | None
    sensitivity: float | None
    specificity: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Overall accuracy (rahimzadeh2020 equation 5) and the figures of each class."""

    accuracy: float | None
    classes: dict[str, ClassFigures]


def one_versus_rest(matrix: ConfusionMatrix) -> dict[str, OneVersusRest]:
    """Return the four counts of every class."""
    counts = matrix.array()
    total = int(counts.sum())
    hits = np.diagonal(counts)
    misses = counts.sum(axis=1) - hits
    alarms = counts.sum(axis=0) - hits
    return {
        name: OneVersusRest(int(tp), int(fn), int(fp), total - int(tp + fn + fp))
        for name, tp, fn, fp in zip(matrix.classes, hits, misses, alarms, strict=True)
    }


def class_figures(counts: OneVersusRest) -> ClassFigures:
    """Return accuracy, sensitivity, specificity, precision (equations 1 to 4) and F1.

    F1 is 2 TP / (2 TP + FP + FN), the harmonic mean of precision and sensitivity: None only where
    the class neither occurs nor is called.
    """
    tp, fn = counts.true_positive, counts.false_negative
    fp, tn = counts.false_positive, counts.true_negative
    return ClassFigures(
        accuracy=_fraction(tp + tn, counts.images),
        sensitivity=_fraction(tp, tp + fn),
        specificity=_fraction(tn, tn + fp),
        precision=_fraction(tp, tp + fp),
        f1=_fraction(2 * tp, 2 * tp + fp + fn),
    )


def figures(matrix: ConfusionMatrix) -> Figures:
    """Return overall accuracy and the figures of each class, in the matrix's order."""
    counts = matrix.array()
    return Figures(
        accuracy=_fraction(int(np.trace(counts)), int(counts.sum())),
        classes={name: class_figures(each) for name, each in one_versus_rest(matrix).items()},
    )


def macro_average(classes: Sequence[ClassFigures]) -> ClassFigures:
    """Return the plain mean over classes, as khan2020's tables III and V; None where any is."""
    return ClassFigures(
        **{
            name: _mean([getattr(each, name) for each in classes])
            for name in ClassFigures.__dataclass_fields__
        }
    )


def figures_json(found: Figures) -> str:
    """Return the figures as one JSON object, fractions, null where undefined."""
    return json.dumps(asdict(found), indent=2, ensure_ascii=False, allow_nan=False)


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
