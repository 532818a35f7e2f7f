"""The figures that a bundle's manifest carries."""

from collections.abc import Sequence
from typing import Any

from screening.domain.scores import Class
from training.evaluation.acceptance import ReleaseFigure, of_the_reference_set, release_figures
from training.evaluation.files import classifier_json, estimate_json
from training.evaluation.of_runs import (
    EnsembleEvaluation,
    Predictor,
    ScoredTogether,
    evaluate_together,
)
from training.inference.combination import (
    Combination,
    combined_scores,
    common_images,
    own_scores,
    three_class_scores,
)
from training.metrics.classification import Evaluation, evaluate
from training.report.model_card import REFLECTED
from training.runs.held_out_scores import Predictions, TrainedFold, default_part


def release_metrics(
    members: Sequence[TrainedFold], combination: Combination, predictor: Predictor
) -> dict[str, Any]:
    """Return figures with intervals of the ensemble and its members, pooled and per source.

    On test images; on validation images, which flatter, where a member's split has no others.
    """
    part = default_part(members)
    selected = [predictor(fold, part) for fold in members]
    predictions = common_images(selected)
    ensemble = combined_scores(predictions, combination)
    alone = [
        three_class_scores(each, temperature)
        for each, temperature in zip(predictions, combination.temperatures, strict=True)
    ]
    names = [fold.name for fold in members]
    together = evaluate_together(ScoredTogether(names, alone, ensemble), [combination], chosen=True)
    own = [
        evaluate(fold.name, own_scores(each)) for fold, each in zip(members, selected, strict=True)
    ]
    return {
        "part": part.value,
        REFLECTED: True,
        "images_of_groups_in_training": sum(q.group_in_training for q in predictions[0].examples),
        "figures": [
            each.as_json() for each in _figures(members, predictions, combination, together, own)
        ],
        "ensemble": classifier_json(together.ensemble),
        "members": [classifier_json(each) for each in together.members],
        "members_in_own_classes": [classifier_json(each) for each in own],
        "accuracy_gain_over_best_member": estimate_json(together.gain),
    }


def _figures(
    members: Sequence[TrainedFold],
    predictions: Sequence[Predictions],
    combination: Combination,
    everything: EnsembleEvaluation,
    own: Sequence[Evaluation],
) -> tuple[ReleaseFigure, ...]:
    reference = [of_the_reference_set(each) for each in predictions]
    if not reference[0].examples:
        return ()
    alone = [
        three_class_scores(each, temperature)
        for each, temperature in zip(reference, combination.temperatures, strict=True)
    ]
    scored = ScoredTogether(
        [fold.name for fold in members], alone, combined_scores(reference, combination)
    )
    finer = [each.pooled for each in own if len(each.pooled.classes) > len(Class)]
    found = evaluate_together(scored, [combination], chosen=True)
    return release_figures(everything, found, finer[0] if finer else None)
