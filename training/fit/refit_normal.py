"""A run whose networks' outputs for normal are refitted within hospitals, from a finished run."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from screening.domain.scores import Class
from screening.whole_files import whole_folder
from training.data.evenly_spread import evenly_spread
from training.data.manifest import ImageRow
from training.data.splits import Part
from training.errors import TrainingError
from training.fit.within_hospitals import (
    direction_within_hospitals,
    hospitals_with_both,
    lower_normal,
)
from training.inference.features import penultimate
from training.inference.score_files import FileScorer, check_preprocessing, input_view_of
from training.inputs.input_view import keep_lung_field, kept_lung_field
from training.networks.initial import load_network
from training.runs.checkpoint import save_network
from training.runs.folder import (
    HISTORY,
    SPLIT_FILE,
    WEIGHTS,
    fold_directory,
    write_run,
)
from training.runs.held_out_scores import TrainedFold, trained_folds, used_images

MOST_IMAGES = 300
"""Of each hospital and side, evenly spread: a mean of more is no better."""
_LEAST_ODDS = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitRequest:
    """One call of the command."""

    run: Path
    rows: Mapping[str, ImageRow]
    """Of the run's data manifest, by pixels_sha256."""
    out: Path
    """The new run's folder."""
    weight: float
    """Spread over normals of what is added, as a multiple of that of the network's own log-odds."""


def refit_normal(
    request: RefitRequest, scorer: FileScorer, say: Callable[[str], None] = lambda _line: None
) -> None:
    """Write a run with the same splits whose networks call normal what is so within hospitals.

    Training images alone are used, as rendered. say: is told of each fold's hospitals and images.
    Raises TrainingError where `request.out` exists, the run was refitted already, has no output for
    normal, or no hospital has enough images of both sides; DataError where the manifest is another.
    """
    folds = trained_folds(request.run)
    _check(request, folds)
    record = replace(
        folds[0].record,
        start={"run": folds[0].record.identity},
        normal_within_hospitals=request.weight,
    )
    try:
        with whole_folder(request.out) as unfinished:
            write_run(unfinished, record)
            if kept_lung_field(request.run).is_dir():
                keep_lung_field(kept_lung_field(request.run), unfinished)
            for fold in folds:
                model = _refitted(fold, request, scorer, say)
                folder = fold_directory(unfinished, fold.fold)
                folder.mkdir()
                for name in (SPLIT_FILE, HISTORY):
                    if (fold.directory / name).exists():
                        shutil.copy(fold.directory / name, folder / name)
                save_network(folder / WEIGHTS, model)
    except OSError as error:
        raise TrainingError(
            f"cannot write {request.out}: {error.strerror}; make room, or name another --out"
        ) from error


def _check(request: RefitRequest, folds: Sequence[TrainedFold]) -> None:
    record = folds[0].record
    if request.out.exists():
        raise TrainingError(f"{request.out} exists already; remove it, or name another --out")
    if record.normal_within_hospitals:
        raise TrainingError(
            f"expected a run as it was trained, found {request.run}, refitted with weight "
            f"{record.normal_within_hospitals:g} already; name the run that it came from"
        )
    if Class.NORMAL not in record.classes or record.outputs != len(record.classes):
        raise TrainingError(
            f"expected a network with an output for normal among others, found classes "
            f"{', '.join(record.classes)} in {request.run}; name another run"
        )


def _refitted(
    fold: TrainedFold, request: RefitRequest, scorer: FileScorer, say: Callable[[str], None]
) -> keras.Model:
    check_preprocessing(fold)
    keras.backend.clear_session()
    model = load_network(fold.run, fold.fold, scorer.architectures)
    used = _used(fold, request.rows)
    normal = np.array([_is_normal(row) for row in used], dtype=bool)
    both = keras.layers.Concatenate()([penultimate(model).output, model.output])
    outputs = scorer.outputs(
        keras.Model(model.input, both), input_view_of(fold), [row.path for row in used]
    )
    classes = len(fold.record.classes)
    features = outputs[:, :-classes].astype(np.float64)
    hospitals = [row.hospital for row in used]
    direction = direction_within_hospitals(features, hospitals, normal.tolist())
    place = fold.record.classes.index(Class.NORMAL)
    own = _log_odds(outputs[:, -classes:], place)[normal]
    added = direction.of(features)[normal]
    lower_normal(model, place, direction, request.weight * float(own.std() / added.std()))
    say(
        f"{fold.name}: {int(normal.sum())} normals and {int((~normal).sum())} others of "
        f"{', '.join(direction.hospitals)}"
    )
    return model


def _used(fold: TrainedFold, rows: Mapping[str, ImageRow]) -> list[ImageRow]:
    """Return training images of hospitals with both sides, at most `MOST_IMAGES` of each side."""
    used = [rows[each.pixels_sha256] for each in used_images(fold, rows) if each.part is Part.TRAIN]
    hospitals, normal = [row.hospital for row in used], [_is_normal(row) for row in used]
    sides: dict[tuple[str, bool], list[ImageRow]] = {}
    for row in used:
        sides.setdefault((row.hospital, _is_normal(row)), []).append(row)
    chosen = []
    for name in hospitals_with_both(hospitals, normal):
        for own in (sides[name, False], sides[name, True]):
            chosen += evenly_spread(own, MOST_IMAGES)
    return chosen


def _is_normal(row: ImageRow) -> bool:
    return row.screening_class is Class.NORMAL


def _log_odds(probabilities: NDArray[np.floating], place: int) -> NDArray[np.float64]:
    p = np.clip(probabilities[:, place].astype(np.float64), _LEAST_ODDS, 1 - _LEAST_ODDS)
    return np.asarray(np.log(p / (1 - p)))
