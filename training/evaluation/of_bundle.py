"""Evaluates a bundle as it is released: stored weights, calibration and combination.

On images that none of its members was trained on, found in the splits of their runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from screening.bundles.manifest import Member
from screening.domain.scores import Class
from screening.ensemble.ensemble import Ensemble
from training.data.manifest import ABNORMAL, CLASS_OF_LABEL, MEMBER_CLASS_OF_LABEL, ImageRow
from training.data.splits import Part
from training.evaluation.acceptance import ReleaseFigure, of_the_reference_set, release_figures
from training.evaluation.files import classifier_json, ensemble_json
from training.evaluation.of_runs import EnsembleEvaluation, ScoredTogether, evaluate_together
from training.inference.bundle_inference import infer_files, member_predictions
from training.inference.combination import (
    Combination,
    combined_scores,
    common_images,
    own_scores,
    three_class_scores,
)
from training.metrics.classification import Evaluation, evaluate
from training.runs.held_out_scores import (
    Example,
    Predictions,
    TrainedFold,
    examples_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleEvaluation:
    """What `screening train evaluate --bundle` found."""

    identity: str
    """The bundle's."""
    part: Part
    leaked: int
    """Images of groups that a member was trained on."""
    everything: EnsembleEvaluation
    """On all images of the part."""
    reference: EnsembleEvaluation | None
    """On the reference set of the release figures."""
    own_classes: tuple[Evaluation, ...]
    """Of members with classes of their own, in these."""
    figures: tuple[ReleaseFigure, ...]


def evaluate_bundle(
    ensemble: Ensemble,
    splits: Sequence[TrainedFold],
    part: Part,
    rows: Mapping[str, ImageRow],
    *,
    workers: int = 2,
) -> BundleEvaluation:
    """Evaluate a bundle's ensemble on the images that all these runs keep for a part.

    rows: of the data manifest, by pixels_sha256. workers: threads that decode.
    Raises TrainingError where there are no such images.
    """
    examples = held_out_examples(splits, part, rows)
    paths = [rows[each.pixels_sha256].path for each in examples]
    members = ensemble.bundle.manifest.members
    inferred = infer_files(ensemble, paths, workers=workers)
    predictions = member_predictions(members, examples, inferred)
    everything = evaluate_members(members, predictions)
    reference = [of_the_reference_set(each) for each in predictions]
    on_reference = evaluate_members(members, reference) if reference[0].examples else None
    own = tuple(
        evaluate(f"{member.name}, {len(member.classes)} classes", own_scores(each))
        for member, each in zip(members, predictions, strict=True)
        if len(member.classes) > len(Class)
    )
    return BundleEvaluation(
        identity=ensemble.bundle.identity,
        part=part,
        leaked=sum(each.group_in_training for each in examples),
        everything=everything,
        reference=on_reference,
        own_classes=own,
        figures=release_figures(everything, on_reference, own[0].pooled if own else None)
        if on_reference
        else (),
    )


def held_out_examples(
    splits: Sequence[TrainedFold], part: Part, rows: Mapping[str, ImageRow]
) -> tuple[Example, ...]:
    """Return the images that all runs keep for a part, each with the finest class it has.

    Raises TrainingError where a part is empty or none is common.
    """
    selected = [
        [each for each in examples_of(fold, part, rows) if each.klass != ABNORMAL]
        for fold in splits
    ]
    finest = [tuple(_with_finest_class(q, rows) for q in examples) for examples in selected]
    nothing = [Predictions((), each, np.zeros((len(each), 0))) for each in finest]
    return common_images(nothing)[0].examples


def _with_finest_class(example: Example, rows: Mapping[str, ImageRow]) -> Example:
    label = rows[example.pixels_sha256].label
    return replace(example, klass=MEMBER_CLASS_OF_LABEL.get(label, CLASS_OF_LABEL[label] or ""))


def evaluate_members(
    members: Sequence[Member], predictions: Sequence[Predictions]
) -> EnsembleEvaluation:
    """Evaluate members' scores of the same examples, alone and combined as the manifest says."""
    combination = Combination(
        tuple(member.temperature for member in members), tuple(member.weight for member in members)
    )
    together = ScoredTogether(
        [member.name for member in members],
        [
            three_class_scores(each, member.temperature)
            for member, each in zip(members, predictions, strict=True)
        ],
        combined_scores(predictions, combination),
    )
    return evaluate_together(together, [combination], chosen=True)


def bundle_evaluation_json(found: BundleEvaluation) -> dict[str, Any]:
    """Return all figures as plain values: fractions, null where undefined."""
    return {
        "bundle": found.identity,
        "part": found.part.value,
        "images_of_groups_in_training": found.leaked,
        "figures": [each.as_json() for each in found.figures],
        "reference_set": ensemble_json(found.reference) if found.reference else None,
        "all_images": ensemble_json(found.everything),
        "members_in_own_classes": [classifier_json(each) for each in found.own_classes],
    }
