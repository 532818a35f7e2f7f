"""The figures that a bundle's manifest carries."""

from collections.abc import Sequence
from typing import Any

from training.combination import (
    Combination,
    combined_answers,
    common_images,
    own_answers,
    three_class_answers,
)
from training.evaluate_runs import Ask
from training.evaluation import accuracy_difference, evaluate
from training.evaluation_files import classifier_json, estimate_json
from training.predictions import TrainedFold, default_part


def release_metrics(
    members: Sequence[TrainedFold], combination: Combination, ask: Ask
) -> dict[str, Any]:
    """Return figures with intervals of the ensemble and its members, pooled and per source.

    On test images; on validation images, which flatter, where a member's split has no others.
    """
    part = default_part(members)
    asked = [ask(fold, part) for fold in members]
    answers = common_images(asked)
    ensemble = combined_answers(answers, combination)
    alone = [
        three_class_answers(each, temperature)
        for each, temperature in zip(answers, combination.temperatures, strict=True)
    ]
    best = max(alone, key=lambda each: float((each.predicted == each.true).mean()))
    return {
        "part": part.value,
        "images_of_groups_in_training": sum(q.group_in_training for q in answers[0].questions),
        "ensemble": classifier_json(evaluate("ensemble", ensemble)),
        "members": [
            classifier_json(evaluate(fold.name, each))
            for fold, each in zip(members, alone, strict=True)
        ],
        "members_in_own_classes": [
            classifier_json(evaluate(fold.name, own_answers(each)))
            for fold, each in zip(members, asked, strict=True)
        ],
        "accuracy_gain_over_best_member": estimate_json(accuracy_difference(ensemble, best)),
    }
