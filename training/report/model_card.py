"""The model card of a bundle, from its manifest alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from screening.bundles.manifest import Manifest
from screening.bundles.registry import Bundle
from screening.domain.proportions import Interval
from screening.domain.scores import CLASS_TITLES
from screening.networks.architectures import ARCHITECTURES
from training.errors import TrainingError
from training.evaluation.measurements import (
    CONTRAST_ROBUSTNESS_NAME,
    EVALUATION_NAME,
    LEFT_OUT_NAME,
    OUTLIER_CHECK_NAME,
    PROBE_NAME,
    SITE_LEVELS_NAME,
    read_beside,
)
from training.metrics.intervals import reflected_interval
from training.runs.held_out_scores import TrainedFold

MODEL_CARD_NAME = "model-card.md"
REFLECTED = "calibration_intervals_reflected"
"""Key of a manifest's metrics; without it, calibration errors have percentile intervals."""
LIMITS_OF_USE: tuple[str, ...] = (
    "Research use only: no medical device, not clinically validated, no claim of diagnosis.",
    "Orders a reading worklist; every image is read by a qualified person, whatever its score.",
    "For frontal chest radiographs (CR, DX) of adults; not for lateral views, CT or photographs.",
    "Class and hospital go together in the training data: scores partly measure the source.",
    "Probabilities hold for the classes' mix in the validation data, not for a hospital's.",
)


@dataclass(frozen=True, slots=True)
class MeasuredLater:
    """What `screening train evaluate --bundle`, `outlier-check` and the like wrote.

    never_seen: of `evaluate --bundle --site-levels`. left_out: of `evaluate --leave-out-hospital`.
    None, and no probes, where they were not run.
    """

    never_seen: Mapping[str, Any] | None = None
    evaluation: Mapping[str, Any] | None = None
    outlier_check: Mapping[str, Any] | None = None
    contrast_robustness: Mapping[str, Any] | None = None
    probes: tuple[Mapping[str, Any], ...] = ()
    left_out: Mapping[str, Any] | None = None


def write_card(bundle: Bundle, folds: Sequence[TrainedFold]) -> Path:
    """Write a bundle's model card with all that was measured of it; return its path.

    folds: of its members, whose source probes it includes. Raises TrainingError where a document is
    damaged, or of another bundle, or the disk is full.
    """
    never_seen = read_beside(bundle.directory, SITE_LEVELS_NAME)
    evaluation = read_beside(bundle.directory, EVALUATION_NAME)
    trial = read_beside(bundle.directory, OUTLIER_CHECK_NAME)
    contrast_robustness = read_beside(bundle.directory, CONTRAST_ROBUSTNESS_NAME)
    left_out = read_beside(bundle.directory, LEFT_OUT_NAME)
    for document in (never_seen, evaluation, trial, contrast_robustness, left_out):
        if document and document["bundle"] != bundle.identity:
            raise TrainingError(
                f"expected measurements of {bundle.identity} in {bundle.directory}, found those "
                f"of {document['bundle']}; measure again"
            )
    probes = [read_beside(fold.directory, PROBE_NAME) for fold in folds]
    measured = MeasuredLater(
        never_seen=never_seen,
        evaluation=evaluation,
        outlier_check=trial,
        contrast_robustness=contrast_robustness,
        probes=tuple(each for each in probes if each),
        left_out=left_out,
    )
    path = bundle.directory / MODEL_CARD_NAME
    try:
        path.write_text(model_card(bundle.manifest, measured), encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; make room") from error
    return path


def model_card(manifest: Manifest, measured: MeasuredLater | None = None) -> str:
    """Return the model card as Markdown; the manifest must be one that `export` wrote."""
    page = Environment(
        loader=PackageLoader("training.report"),
        autoescape=False,  # noqa: S701  Markdown, of our own words and numbers
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page.filters["percent"] = _percent
    metrics = manifest.provenance["metrics"]
    page.filters["calibration_percent"] = _percent if REFLECTED in metrics else _reflected_percent
    return page.get_template("model_card.md").render(
        manifest=manifest,
        provenance=manifest.provenance,
        titles=CLASS_TITLES,
        architectures=ARCHITECTURES,
        measured=measured or MeasuredLater(),
    )


def _reflected_percent(estimate: dict[str, Any]) -> str:
    """Return the same of a manifest that has the percentile interval of a calibration error."""
    if estimate["low"] is None:
        return _percent(estimate)
    percentile = Interval(estimate["low"], estimate["high"])
    interval = reflected_interval(estimate["value"], percentile)
    return _percent(estimate | {"low": interval.low, "high": interval.high})


def _percent(estimate: dict[str, Any]) -> str:
    """Return "91.2 % (89.0-93.1)", "undefined" for no value."""
    if estimate["value"] is None:
        return "undefined"
    shown = f"{100 * estimate['value']:.1f} %"
    if estimate["low"] is None:
        return shown
    return f"{shown} ({100 * estimate['low']:.1f}-{100 * estimate['high']:.1f})"
