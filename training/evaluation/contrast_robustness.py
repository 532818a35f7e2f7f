"""Measures how much a bundle's scores depend on how black and how white images are.

Detectors, processing and archives differ in contrast, diseases hardly: a network whose scores
follow the contrast has learnt the hospital. Each held-out image is scored as it is, and with the
contrast of its input views changed.
Source: Zech et al. 2018, PLOS Medicine 15:e1002683 (networks that tell the hospital).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from screening.domain.scores import CLASS_OF_MEMBER_CLASS, Class
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.input_views import InputViews
from screening.imaging.network_input.lung_field import View
from screening.imaging.rendering.radiograph_file import read_radiograph
from training.augmentation.contrast_exchange import levels_of
from training.data.manifest import ImageRow
from training.data.splits import Part
from training.evaluation.acceptance import of_the_reference_set
from training.evaluation.files import estimate_json
from training.evaluation.of_bundle import evaluate_members, held_out_examples
from training.inference.bundle_inference import infer_prepared, member_predictions
from training.metrics.classification import Estimate, SetEvaluation
from training.runs.held_out_scores import Predictions, TrainedFold

GreyImage = NDArray[np.uint8]
Contrast = Callable[[NDArray[np.floating]], NDArray[np.floating]]
"""Changes grey levels of one image, 0 to 1; what leaves the range is cut off."""

DARKER, BRIGHTER = 1.4, 0.7


def _stretched(grey: NDArray[np.floating]) -> NDArray[np.floating]:
    black, white = (float(level) for level in levels_of(grey))
    shares: NDArray[np.floating] = (grey - black) / max(white - black, 1 / 255)
    return shares


CONTRASTS: Mapping[str, Contrast] = {
    "as it is": lambda grey: grey,
    "stretched: 1st percentile black, 99th white": _stretched,
    f"darker: gamma {DARKER}": lambda grey: grey**DARKER,
    f"brighter: gamma {BRIGHTER}": lambda grey: grey**BRIGHTER,
    "flat: half the contrast": lambda grey: grey.mean() + (grey - grey.mean()) / 2,
}


@dataclass(frozen=True, slots=True)
class ToneRow:
    """How the ensemble scores all images with one contrast."""

    contrast: str
    found: SetEvaluation

    @property
    def figures(self) -> Mapping[str, Estimate]:
        """By name: each class's share found, COVID-19's specificity, accuracy."""
        classes = self.found.classes
        return {
            "COVID-19 found": classes[Class.COVID19.value].sensitivity,
            "others not called COVID-19": classes[Class.COVID19.value].specificity,
            "pneumonia found": classes[Class.PNEUMONIA.value].sensitivity,
            "normal found": classes[Class.NORMAL.value].sensitivity,
            "accuracy at equal class sizes": self.found.balanced_accuracy,
        }


@dataclass(frozen=True, slots=True)
class ContrastTrial:
    """of_adults: on the reference set of `training.evaluation.acceptance`, else on all held out."""

    identity: str
    part: Part
    of_adults: bool
    rows: tuple[ToneRow, ...]


def measure_contrast_robustness(
    ensemble: Ensemble,
    splits: Sequence[TrainedFold],
    part: Part,
    rows: Mapping[str, ImageRow],
) -> ContrastTrial:
    """Score the images that all these runs hold out, with each contrast, by a bundle's ensemble.

    On adults, whose contrast differs between collections, where the part has all classes of them.
    rows: of the data manifest, by pixels_sha256. Raises TrainingError where no image is held out.
    """
    everything = held_out_examples(splits, part, rows)
    nothing = Predictions((), everything, np.zeros((len(everything), 0)))
    adults = of_the_reference_set(nothing).examples
    of_adults = {CLASS_OF_MEMBER_CLASS[each.klass] for each in adults} == set(Class)
    examples = adults if of_adults else everything
    manifest = ensemble.bundle.manifest
    used = {member.input.view for member in manifest.members}
    views = [
        ensemble.views(read_radiograph(rows[each.pixels_sha256].path).pixels) for each in examples
    ]
    shown = []
    for name, contrast in CONTRASTS.items():
        prepared = (
            ensemble.prepare_views(_views_with_contrast(each, used, contrast)) for each in views
        )
        inferred = infer_prepared(ensemble, prepared)
        predictions = member_predictions(manifest.members, examples, inferred)
        together = evaluate_members(manifest.members, predictions)
        shown.append(ToneRow(name, together.ensemble.pooled))
    return ContrastTrial(ensemble.bundle.identity, part, of_adults, tuple(shown))


def with_contrast(image: GreyImage, contrast: Contrast) -> GreyImage:
    """Return an image, (rows, columns) uint8, with another contrast."""
    grey = np.clip(contrast(image / 255), 0, 1)
    return np.asarray(np.rint(grey * 255), np.uint8)


def _views_with_contrast(
    views: InputViews, used: Collection[View], contrast: Contrast
) -> InputViews:
    """Return the input views that members use with another contrast, each changed by itself."""
    return replace(
        views, pixels={view: with_contrast(views.pixels[view], contrast) for view in used}
    )


def contrast_robustness_json(trial: ContrastTrial) -> dict[str, Any]:
    """Return plain values: fractions, null where undefined."""
    return {
        "bundle": trial.identity,
        "part": trial.part.value,
        "of_adults": trial.of_adults,
        "images": trial.rows[0].found.images,
        "rows": [
            {
                "contrast": row.contrast,
                "figures": {name: estimate_json(each) for name, each in row.figures.items()},
            }
            for row in trial.rows
        ],
    }
