"""Scores of finished runs for images of the hospitals that they left out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from screening.domain.triage import TriageRule
from training.data.manifest import ImageRow
from training.data.splits import Part
from training.errors import TrainingError
from training.evaluation.of_runs import Predictor
from training.evaluation.triage_thresholds import choose_triage_rules
from training.inference.combination import (
    choose_combination,
    combined_scores,
    common_images,
    ensemble_scores,
)
from training.left_out.figures import LeftOutFigures, left_out_figures
from training.left_out.scores import HospitalScores, scores_of_rows
from training.runs.folder import SPLIT_FILE, finished_folds, read_run, read_split
from training.runs.held_out_scores import TrainedFold, classified, predictions_path


def scored_folds(argument: Path) -> tuple[TrainedFold, ...]:
    """Return the folds of a run that have weights, or kept scores of weights that are elsewhere.

    Raises TrainingError where there is none.
    """
    record = read_run(argument)
    kept = {
        int(path.parent.name.removeprefix("fold-"))
        for path in argument.glob(f"fold-*/{SPLIT_FILE}")
        if all(
            (path.parent / f"predictions-{part}.csv").exists()
            for part in (Part.TEST, Part.VALIDATION)
        )
    }
    folds = sorted(kept | set(finished_folds(argument)))
    if not folds:
        raise TrainingError(
            f"expected trained weights or kept scores in {argument}, found neither; finish the "
            "run first, or name another"
        )
    return tuple(TrainedFold(argument, fold, record) for fold in folds)


def has_kept_scores(fold: TrainedFold, part: Part) -> bool:
    """Return whether a fold without weights has its network's predictions for a part."""
    return not fold.weights.exists() and predictions_path(fold, part).exists()


def hospitals_left_out(fold: TrainedFold, rows: Mapping[str, ImageRow]) -> frozenset[str]:
    """Return the hospitals with images in the test part and none in training or validation."""
    used = [
        (each.part, rows[each.pixels_sha256].hospital)
        for each in read_split(fold.directory)
        if each.pixels_sha256 in rows
    ]
    tested = {hospital for part, hospital in used if part is Part.TEST}
    seen = {hospital for part, hospital in used if part in {Part.TRAIN, Part.VALIDATION}}
    return frozenset(tested - seen)


def evaluate_left_out(
    runs: Sequence[Sequence[TrainedFold]], rows: Mapping[str, ImageRow], predictor: Predictor
) -> LeftOutFigures:
    """Return the table of the hospitals that runs left out.

    Networks that left out the same hospitals count as one ensemble. rows: of the data manifest, by
    pixels_sha256. Temperatures, weights and thresholds of each ensemble are chosen on its
    validation images, which are of other hospitals.
    Raises TrainingError where no run left out a whole hospital, or two ensembles the same one.
    """
    ensembles: dict[frozenset[str], list[TrainedFold]] = {}
    for fold in (fold for folds in runs for fold in folds):
        ensembles.setdefault(hospitals_left_out(fold, rows), []).append(fold)
    nothing = ensembles.pop(frozenset(), [])
    if nothing:
        raise TrainingError(
            f"expected runs that left out a hospital, found {nothing[0].run}; train it with "
            "--leave-out HOSPITAL"
        )
    try:
        return left_out_figures(
            [_scores(members, names, rows, predictor) for names, members in ensembles.items()]
        )
    except ValueError as error:
        raise TrainingError(
            f"{error}; name runs that left out the same hospitals, or others"
        ) from None


def _scores(
    members: Sequence[TrainedFold],
    hospitals: frozenset[str],
    rows: Mapping[str, ImageRow],
    predictor: Predictor,
) -> HospitalScores:
    validation = common_images([classified(predictor(each, Part.VALIDATION)) for each in members])
    combination = choose_combination(validation)
    rules = [
        TriageRule(rule.priority, rule.klass, rule.at_least)
        for rule in choose_triage_rules(combined_scores(validation, combination))
    ]
    tested = common_images([predictor(each, Part.TEST) for each in members])
    scores = ensemble_scores([(each.classes, each.probabilities) for each in tested], combination)
    selected = [rows[each.pixels_sha256] for each in tested[0].examples]
    places = [place for place, row in enumerate(selected) if row.hospital in hospitals]
    return scores_of_rows([selected[place] for place in places], scores[places], rules)
