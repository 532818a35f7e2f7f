"""A run's predictions for images that it was not trained on, kept beside the weights.

RUN/fold-K/predictions-PART.csv: one line per image, with all that evaluation needs, so that a
report can be made without the images and their manifest.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screening.whole_files import file_sha256, whole_path
from training.data.manifest import ABNORMAL, ImageRow
from training.data.splits import Part
from training.errors import DataError, TrainingError
from training.runs.folder import (
    RunRecord,
    UsedImage,
    finished_folds,
    fold_directory,
    read_run,
    read_split,
)

PLAIN_COLUMNS = (
    "weights_sha256",
    "pixels_sha256",
    "split_group",
    "source",
    "class",
    "training_images_of_source",
    "group_in_training",
)
_FOLD_PREFIX = "fold-"


@dataclass(frozen=True, slots=True)
class TrainedFold:
    """One trained network: a fold, from 1, of a run."""

    run: Path
    fold: int
    record: RunRecord

    @property
    def directory(self) -> Path:
        """Where its weights and history are."""
        return fold_directory(self.run, self.fold)

    @property
    def weights(self) -> Path:
        """The weights that count."""
        return self.directory / "weights.npz"

    @property
    def history(self) -> Path:
        """What each epoch left, for `training.runs.history`."""
        return self.directory / "history.jsonl"

    @property
    def name(self) -> str:
        """Protocol and fold, for people."""
        return f"{self.record.protocol}, fold {self.fold}"


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled image, and what is known of it.

    klass: its true class, one of the run's classes or a coarser one.
    training_images_of_source: how many images of the same source the network was trained on; 0:
    the source was left out. group_in_training: whether it was trained on another image of the
    same patient, or a duplicate.
    """

    pixels_sha256: str
    split_group: str
    source: str
    klass: str
    training_images_of_source: int
    group_in_training: bool


@dataclass(frozen=True, slots=True)
class Predictions:
    """A network's scores. probabilities: (examples, classes), 0 to 1, rows adding up to 1."""

    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    probabilities: NDArray[np.float64]


Scorer = Callable[[TrainedFold, Sequence[Path]], NDArray[np.float32]]
"""Returns a network's outputs, (images, outputs), for image files."""


def trained_folds(argument: Path) -> tuple[TrainedFold, ...]:
    """Return the networks a RUN argument names: all finished folds of a run, or RUN/fold-K alone.

    Raises TrainingError where there is none.
    """
    chosen = None
    run = argument
    if argument.name.removeprefix(_FOLD_PREFIX).isdigit() and argument.name.startswith(
        _FOLD_PREFIX
    ):
        run, chosen = argument.parent, int(argument.name.removeprefix(_FOLD_PREFIX))
    record = read_run(run)
    found = finished_folds(run)
    folds = found if chosen is None else tuple(fold for fold in found if fold == chosen)
    if not folds:
        raise TrainingError(
            f"expected trained weights in {argument}, found those of folds {list(found)}; finish "
            "the run first, or name another"
        )
    return tuple(TrainedFold(run, fold, record) for fold in folds)


def default_part(folds: Sequence[TrainedFold]) -> Part:
    """Return TEST where every fold has a test part, else VALIDATION, the held-out fold."""
    parts = [{used.part for used in read_split(fold.directory)} for fold in folds]
    return Part.TEST if all(Part.TEST in found for found in parts) else Part.VALIDATION


def by_image(rows: Iterable[ImageRow]) -> dict[str, ImageRow]:
    """Return a manifest's rows by pixels_sha256, the first where an image is there twice."""
    found: dict[str, ImageRow] = {}
    for row in rows:
        found.setdefault(row.pixels_sha256, row)
    return found


def used_images(fold: TrainedFold, rows: Mapping[str, ImageRow]) -> tuple[UsedImage, ...]:
    """Return what each image of a fold's split was for.

    rows: of the data manifest, by pixels_sha256. Raises DataError where an image is not in it.
    """
    used = read_split(fold.directory)
    absent = [each.pixels_sha256 for each in used if each.pixels_sha256 not in rows]
    if absent:
        raise DataError(
            f"expected the manifest that {fold.run} was trained on, found one without "
            f"{len(absent)} of its images (the first has pixels_sha256 {absent[0]}); name that "
            "manifest with --data"
        )
    return used


def examples_of(fold: TrainedFold, part: Part, rows: Mapping[str, ImageRow]) -> tuple[Example, ...]:
    """Return the images of one part of a fold's split.

    rows: of the data manifest, by pixels_sha256. Raises DataError where an image is not in it,
    TrainingError where the part is empty.
    """
    used = used_images(fold, rows)
    learnt = [rows[each.pixels_sha256] for each in used if each.part is Part.TRAIN]
    of_source = Counter(row.source for row in learnt)
    groups = {row.split_group for row in learnt}

    def example(each: UsedImage) -> Example:
        row = rows[each.pixels_sha256]
        return Example(
            pixels_sha256=each.pixels_sha256,
            split_group=row.split_group,
            source=row.source,
            klass=each.klass,
            training_images_of_source=of_source[row.source],
            group_in_training=row.split_group in groups,
        )

    examples = tuple(example(each) for each in used if each.part is part)
    if not examples:
        raise TrainingError(
            f"expected a {part} part in the split of {fold.directory}, found none; choose another "
            "with --split"
        )
    return examples


def predicted(
    fold: TrainedFold, part: Part, rows: Mapping[str, ImageRow], scorer: Scorer
) -> Predictions:
    """Return a network's predictions for one part; kept ones where the weights are the same."""
    examples = examples_of(fold, part, rows)
    path = predictions_path(fold, part)
    digest = file_sha256(fold.weights)
    if path.exists():
        kept_digest, kept = _read(path, fold)
        if kept_digest == digest and kept.examples == examples:
            return kept
    outputs = scorer(fold, [rows[each.pixels_sha256].path for each in examples])
    found = Predictions(fold.record.classes, examples, both_sides(outputs))
    _write(path, digest, found)
    return found


def read_predictions(fold: TrainedFold, part: Part) -> Predictions:
    """Return scores kept by `predicted`.

    Raises TrainingError where there are none, or they are those of other weights.
    """
    path = predictions_path(fold, part)
    if not path.exists() or _read(path, fold)[0] != file_sha256(fold.weights):
        raise TrainingError(
            f"expected the scores of {fold.name} in {path}, found none of its present weights; "
            f"make them with `screening train evaluate {fold.run} --data MANIFEST --split {part}`"
        )
    return _read(path, fold)[1]


def read_kept(fold: TrainedFold, part: Part) -> Predictions:
    """Return scores of a network whose weights are elsewhere; raises TrainingError."""
    return _read(predictions_path(fold, part), fold)[1]


def write_kept(fold: TrainedFold, part: Part, predictions: Predictions) -> None:
    """Keep the scores of a network whose weights stay elsewhere."""
    _write(predictions_path(fold, part), "", predictions)


def classified(predictions: Predictions) -> Predictions:
    """Return predictions for images of some class: abnormal ones count in no class's figures."""
    kept = [each.klass != ABNORMAL for each in predictions.examples]
    return Predictions(
        predictions.classes,
        tuple(q for q, keep in zip(predictions.examples, kept, strict=True) if keep),
        predictions.probabilities[np.array(kept, dtype=bool)],
    )


def predictions_path(fold: TrainedFold, part: Part) -> Path:
    """Return where a fold's predictions for a part are kept."""
    return fold.directory / f"predictions-{part}.csv"


def both_sides(outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return probabilities of all classes; one sigmoid output is that of the first of two."""
    found = outputs.astype(np.float64)
    return np.concatenate([found, 1 - found], axis=1) if found.shape[1] == 1 else found


def _write(path: Path, digest: str, predictions: Predictions) -> None:
    try:
        with (
            whole_path(path, sole_writer=True) as unfinished,
            unfinished.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*PLAIN_COLUMNS, *predictions.classes])
            for each, row in zip(predictions.examples, predictions.probabilities, strict=True):
                writer.writerow(
                    [
                        digest,
                        each.pixels_sha256,
                        each.split_group,
                        each.source,
                        each.klass,
                        each.training_images_of_source,
                        int(each.group_in_training),
                        *map(repr, row.tolist()),
                    ]
                )
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; make room") from error


def _read(path: Path, fold: TrainedFold) -> tuple[str, Predictions]:
    classes = fold.record.classes
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file, strict=True))
        examples = tuple(
            Example(
                pixels_sha256=line["pixels_sha256"],
                split_group=line["split_group"],
                source=line["source"],
                klass=line["class"],
                training_images_of_source=int(line["training_images_of_source"]),
                group_in_training=line["group_in_training"] == "1",
            )
            for line in lines
        )
        probabilities = np.array([[float(line[name]) for name in classes] for line in lines])
        return lines[0]["weights_sha256"], Predictions(classes, examples, probabilities)
    except (OSError, KeyError, IndexError, TypeError, ValueError, csv.Error) as error:
        raise TrainingError(
            f"expected a network's scores in {path}, cannot read them ({type(error).__name__}); "
            "remove the file and evaluate again"
        ) from error
