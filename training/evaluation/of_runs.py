"""Evaluates runs: each network alone, and several runs together as an ensemble."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.data.splits import Part
from training.errors import TrainingError
from training.inference.combination import (
    Combination,
    choose_combination,
    combined_scores,
    common_images,
    own_scores,
    speaks_of_the_three_classes,
    three_class_scores,
)
from training.metrics.classification import (
    Estimate,
    Evaluation,
    ScoredImages,
    accuracy_difference,
    evaluate,
    joined,
)
from training.runs.held_out_scores import Predictions, TrainedFold

Predictor = Callable[[TrainedFold, Part], Predictions]
"""Returns a network's predictions for one part of its split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvaluation:
    """One run, its folds together; every image is scored by a network that held it out.

    folds: of each fold alone. three_classes: the same scores in the ensemble's classes, None
    where they are those already, or do not add up to them. leaked: images whose group was trained
    on, which flatter the figures.
    """

    run_folds: tuple[TrainedFold, ...]
    own: Evaluation
    folds: tuple[Evaluation, ...]
    three_classes: Evaluation | None
    leaked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleEvaluation:
    """Several runs as one classifier, on the images that all of them hold out.

    combinations: of each fold. chosen: on validation data, or equal shares. gain: how much more
    accurate the ensemble is than `best_member`.
    """

    combinations: tuple[Combination, ...]
    chosen: bool
    ensemble: Evaluation
    members: tuple[Evaluation, ...]
    best_member: str
    gain: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsEvaluation:
    """What `screening train evaluate` found."""

    part: Part
    runs: tuple[RunEvaluation, ...]
    ensemble: EnsembleEvaluation | None


def evaluate_runs(
    runs: Sequence[Sequence[TrainedFold]],
    part: Part,
    predictor: Predictor,
    *,
    sources: frozenset[str] = frozenset(),
    together: bool = False,
) -> RunsEvaluation:
    """Evaluate runs, given as their folds, on one part of their splits.

    sources: only images of these; empty: all. together: also as one ensemble.
    Raises TrainingError where no image is left, or runs cannot be combined.
    """

    def selected(fold: TrainedFold, which: Part) -> Predictions:
        return _of_sources(predictor(fold, which), sources)

    return RunsEvaluation(
        part=part,
        runs=tuple(_evaluate_run(folds, part, selected) for folds in runs),
        ensemble=_evaluate_ensemble(runs, part, selected, predictor) if together else None,
    )


def _evaluate_run(folds: Sequence[TrainedFold], part: Part, predictor: Predictor) -> RunEvaluation:
    predictions = [predictor(fold, part) for fold in folds]
    own = [own_scores(each) for each in predictions]
    name = folds[0].record.protocol
    classes = folds[0].record.classes
    folds_in_three = None
    if speaks_of_the_three_classes(classes) and len(classes) > 3:  # noqa: PLR2004  the ensemble's
        folds_in_three = joined([three_class_scores(each) for each in predictions])
    return RunEvaluation(
        run_folds=tuple(folds),
        own=evaluate(name, joined(own)),
        folds=tuple(evaluate(fold.name, each) for fold, each in zip(folds, own, strict=True)),
        three_classes=evaluate(f"{name}, 3 classes", folds_in_three) if folds_in_three else None,
        leaked=sum(q.group_in_training for each in predictions for q in each.examples),
    )


def _evaluate_ensemble(
    runs: Sequence[Sequence[TrainedFold]], part: Part, selected: Predictor, predictor: Predictor
) -> EnsembleEvaluation:
    if len({len(folds) for folds in runs}) > 1:
        raise TrainingError(
            f"expected runs with equally many trained folds, found "
            f"{', '.join(str(len(folds)) for folds in runs)}; name folds alone as RUN/fold-K"
        )
    combinations, ensembles = [], []
    members: list[list[ScoredImages]] = [[] for _ in runs]
    for folds_together in zip(*runs, strict=True):
        combination = Combination.equal(len(runs))
        if part is Part.TEST:
            validation = [predictor(fold, Part.VALIDATION) for fold in folds_together]
            combination = choose_combination(common_images(validation))
        predictions = common_images([selected(fold, part) for fold in folds_together])
        combinations.append(combination)
        ensembles.append(combined_scores(predictions, combination))
        for place, temperature in enumerate(combination.temperatures):
            members[place].append(three_class_scores(predictions[place], temperature))
    names = [f"{n}. {folds[0].record.protocol}" for n, folds in enumerate(runs, 1)]
    together = ScoredTogether(names, [joined(each) for each in members], joined(ensembles))
    return evaluate_together(together, combinations, chosen=part is Part.TEST)


@dataclass(frozen=True, slots=True)
class ScoredTogether:
    """Scores of members, by their names, and of their ensemble to the same images."""

    names: Sequence[str]
    members: Sequence[ScoredImages]
    ensemble: ScoredImages


def evaluate_together(
    predictions: ScoredTogether, combinations: Sequence[Combination], *, chosen: bool
) -> EnsembleEvaluation:
    """Return the figures of an ensemble and its members."""
    accuracies = [(each.predicted == each.true).mean() for each in predictions.members]
    best = int(np.argmax(accuracies))
    return EnsembleEvaluation(
        combinations=tuple(combinations),
        chosen=chosen,
        ensemble=evaluate("ensemble", predictions.ensemble),
        members=tuple(
            evaluate(*each) for each in zip(predictions.names, predictions.members, strict=True)
        ),
        best_member=predictions.names[best],
        gain=accuracy_difference(predictions.ensemble, predictions.members[best]),
    )


def _of_sources(predictions: Predictions, sources: frozenset[str]) -> Predictions:
    if not sources:
        return predictions
    chosen = [each.source in sources for each in predictions.examples]
    if not any(chosen):
        known = sorted({each.source for each in predictions.examples})
        raise TrainingError(
            f"expected images of {', '.join(sorted(sources))}, found those of {', '.join(known)}; "
            "correct --source"
        )
    return replace(
        predictions,
        examples=tuple(q for q, kept in zip(predictions.examples, chosen, strict=True) if kept),
        probabilities=predictions.probabilities[np.array(chosen, dtype=bool)],
    )
