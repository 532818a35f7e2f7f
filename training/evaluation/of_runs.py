"""Evaluates runs: each network alone, and several runs together as an ensemble."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.data.splits import Part
from training.errors import TrainingError
from training.inference.combination import (
    Combination,
    choose_combination,
    combined_answers,
    common_images,
    own_answers,
    speaks_of_the_three_classes,
    three_class_answers,
)
from training.metrics.classification import (
    AnsweredImages,
    Estimate,
    Evaluation,
    accuracy_difference,
    evaluate,
    joined,
)
from training.runs.held_out_scores import Predictions, TrainedFold

Ask = Callable[[TrainedFold, Part], Predictions]
"""Returns a network's answers to one part of its split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvaluation:
    """One run, its folds together; every image is answered by a network that held it out.

    folds: of each fold alone. three_classes: the same answers in the ensemble's classes, None
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
    ask: Ask,
    *,
    sources: frozenset[str] = frozenset(),
    together: bool = False,
) -> RunsEvaluation:
    """Evaluate runs, given as their folds, on one part of their splits.

    sources: only images of these; empty: all. together: also as one ensemble.
    Raises TrainingError where no image is left, or runs cannot be combined.
    """

    def asked(fold: TrainedFold, which: Part) -> Predictions:
        return _of_sources(ask(fold, which), sources)

    return RunsEvaluation(
        part=part,
        runs=tuple(_evaluate_run(folds, part, asked) for folds in runs),
        ensemble=_evaluate_ensemble(runs, part, asked, ask) if together else None,
    )


def _evaluate_run(folds: Sequence[TrainedFold], part: Part, ask: Ask) -> RunEvaluation:
    answers = [ask(fold, part) for fold in folds]
    own = [own_answers(each) for each in answers]
    name = folds[0].record.protocol
    classes = folds[0].record.classes
    folds_in_three = None
    if speaks_of_the_three_classes(classes) and len(classes) > 3:  # noqa: PLR2004  the ensemble's
        folds_in_three = joined([three_class_answers(each) for each in answers])
    return RunEvaluation(
        run_folds=tuple(folds),
        own=evaluate(name, joined(own)),
        folds=tuple(evaluate(fold.name, each) for fold, each in zip(folds, own, strict=True)),
        three_classes=evaluate(f"{name}, 3 classes", folds_in_three) if folds_in_three else None,
        leaked=sum(q.group_in_training for each in answers for q in each.questions),
    )


def _evaluate_ensemble(
    runs: Sequence[Sequence[TrainedFold]], part: Part, asked: Ask, ask: Ask
) -> EnsembleEvaluation:
    if len({len(folds) for folds in runs}) > 1:
        raise TrainingError(
            f"expected runs with equally many trained folds, found "
            f"{', '.join(str(len(folds)) for folds in runs)}; name folds alone as RUN/fold-K"
        )
    combinations, ensembles = [], []
    members: list[list[AnsweredImages]] = [[] for _ in runs]
    for folds_together in zip(*runs, strict=True):
        combination = Combination.equal(len(runs))
        if part is Part.TEST:
            validation = [ask(fold, Part.VALIDATION) for fold in folds_together]
            combination = choose_combination(common_images(validation))
        answers = common_images([asked(fold, part) for fold in folds_together])
        combinations.append(combination)
        ensembles.append(combined_answers(answers, combination))
        for place, temperature in enumerate(combination.temperatures):
            members[place].append(three_class_answers(answers[place], temperature))
    names = [f"{n}. {folds[0].record.protocol}" for n, folds in enumerate(runs, 1)]
    together = AnsweredTogether(names, [joined(each) for each in members], joined(ensembles))
    return evaluate_together(together, combinations, chosen=part is Part.TEST)


@dataclass(frozen=True, slots=True)
class AnsweredTogether:
    """Answers of members, by their names, and of their ensemble to the same images."""

    names: Sequence[str]
    members: Sequence[AnsweredImages]
    ensemble: AnsweredImages


def evaluate_together(
    answers: AnsweredTogether, combinations: Sequence[Combination], *, chosen: bool
) -> EnsembleEvaluation:
    """Return the figures of an ensemble and its members."""
    accuracies = [(each.predicted == each.true).mean() for each in answers.members]
    best = int(np.argmax(accuracies))
    return EnsembleEvaluation(
        combinations=tuple(combinations),
        chosen=chosen,
        ensemble=evaluate("ensemble", answers.ensemble),
        members=tuple(evaluate(*each) for each in zip(answers.names, answers.members, strict=True)),
        best_member=answers.names[best],
        gain=accuracy_difference(answers.ensemble, answers.members[best]),
    )


def _of_sources(predictions: Predictions, sources: frozenset[str]) -> Predictions:
    if not sources:
        return predictions
    chosen = [each.source in sources for each in predictions.questions]
    if not any(chosen):
        known = sorted({each.source for each in predictions.questions})
        raise TrainingError(
            f"expected images of {', '.join(sorted(sources))}, found those of {', '.join(known)}; "
            "correct --source"
        )
    return replace(
        predictions,
        questions=tuple(q for q, kept in zip(predictions.questions, chosen, strict=True) if kept),
        probabilities=predictions.probabilities[np.array(chosen, dtype=bool)],
    )
