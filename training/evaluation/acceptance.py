"""The figures that a released ensemble is held to, with their bars.

The reference set is that of CoroNet's second evaluation: adults, normals and pneumonias of one
hospital's archive (NIH ChestX-ray8) and COVID-19 of every source. Accuracies are at equal class
sizes where it says so, since the classes' mix is an accident of collecting.
Source: khan2020 table VI ("Dataset-2"); rahimzadeh2020 table 4 (COVID-19 figures).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from screening.domain.scores import CLASS_OF_MEMBER_CLASS, Class
from training.evaluation.files import estimate_json
from training.evaluation.of_runs import EnsembleEvaluation
from training.metrics.classification import Estimate, SetEvaluation
from training.runs.held_out_scores import Example, Predictions

REFERENCE_SOURCES: Mapping[Class, str] = {
    Class.COVID19: "",
    Class.PNEUMONIA: "nih",
    Class.NORMAL: "nih",
}
"""How the names of each class's sources begin in the reference set."""


VERDICTS: Mapping[bool | None, str] = {True: "reached", False: "not reached", None: "undefined"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure's bar; at_most: lower is better. reference: what is known of others."""

    figure: str
    limit: float
    reference: str
    at_most: bool = False


ACCURACY = Bar(
    "three classes of adults: accuracy at equal class sizes",
    0.84,
    "CoroNet on the same set: 90.2 %",
)
SENSITIVITY = Bar("COVID-19 sensitivity", 0.96, "concatenated network: 80.5 %")
SPECIFICITY = Bar("COVID-19 specificity", 0.99, "concatenated network: 99.6 %")
COVID19_ACCURACY = Bar("COVID-19 accuracy", 0.985, "99.5 % where 0.3 % have COVID-19")
CALIBRATION = Bar("COVID-19 expected calibration error, all test images", 0.03, "", at_most=True)
CALIBRATION_OF_ADULTS = Bar("COVID-19 expected calibration error, adults", 0.03, "", at_most=True)
GAIN = Bar("ensemble against its best member: accuracy gained", 0.0, "not worse")
FOUR_CLASSES = Bar("CoroNet alone, four classes: accuracy", 0.88, "CoroNet: 89.6 %")


@dataclass(frozen=True, slots=True)
class ReleaseFigure:
    """A bar and what was measured."""

    bar: Bar
    measured: Estimate

    @property
    def reached(self) -> bool | None:
        """Whether the measured value, not its interval, reaches the bar; None where undefined."""
        if self.measured.value is None:
            return None
        if self.bar.at_most:
            return self.measured.value <= self.bar.limit
        return self.measured.value >= self.bar.limit

    def as_json(self) -> dict[str, Any]:
        """Return plain values, fractions."""
        return {
            "figure": self.bar.figure,
            "limit": self.bar.limit,
            "at_most": self.bar.at_most,
            "reference": self.bar.reference,
            "measured": estimate_json(self.measured),
            "reached": self.reached,
        }


def release_figures(
    everything: EnsembleEvaluation,
    reference: EnsembleEvaluation,
    four_classes: SetEvaluation | None,
) -> tuple[ReleaseFigure, ...]:
    """Return the table.

    everything, reference: on all images and on the reference set. four_classes: of CoroNet, if it
    is a member. The calibration error stands there twice: few images alone make it large, also of
    a score that is right.
    """
    of_all = everything.ensemble.pooled.classes[Class.COVID19.value]
    pooled = reference.ensemble.pooled
    covid19 = pooled.classes[Class.COVID19.value]
    found = [
        ReleaseFigure(ACCURACY, pooled.balanced_accuracy),
        ReleaseFigure(SENSITIVITY, covid19.sensitivity),
        ReleaseFigure(SPECIFICITY, covid19.specificity),
        ReleaseFigure(COVID19_ACCURACY, covid19.accuracy),
        ReleaseFigure(CALIBRATION, of_all.calibration_error),
        ReleaseFigure(CALIBRATION_OF_ADULTS, covid19.calibration_error),
        ReleaseFigure(GAIN, reference.gain),
    ]
    if four_classes:
        found.append(ReleaseFigure(FOUR_CLASSES, four_classes.accuracy))
    return tuple(found)


def of_the_reference_set(predictions: Predictions) -> Predictions:
    """Return the predictions for the images of the reference set."""
    chosen = np.array([_is_reference(each) for each in predictions.examples], dtype=bool)
    selected = zip(predictions.examples, chosen, strict=True)
    return replace(
        predictions,
        examples=tuple(example for example, kept in selected if kept),
        probabilities=predictions.probabilities[chosen],
    )


def _is_reference(example: Example) -> bool:
    klass = CLASS_OF_MEMBER_CLASS.get(example.klass)
    return klass is not None and example.source.startswith(REFERENCE_SOURCES[klass])
