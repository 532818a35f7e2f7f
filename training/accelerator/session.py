"""Trains several runs one after the other within a time, and writes what is to be brought back."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from screening.networks.architectures import Architecture
from training.accelerator.carried import finish_stopped, write_scores, write_weights
from training.accelerator.run_word import RequestedRun
from training.accelerator.scores import Scoring, keep_scores
from training.data.manifest import ImageRow, read_manifest
from training.data.splits import Part
from training.errors import TrainingError
from training.fit.train_protocol import run_protocol
from training.inputs.crop_pack import MANIFEST, CropPack
from training.left_out.of_runs import evaluate_left_out, hospitals_left_out, scored_folds
from training.left_out.tables import left_out_json
from training.networks.catalogue import TRAINING_ARCHITECTURES
from training.protocols.protocol import Protocol
from training.protocols.registry import find_protocol
from training.runs.folder import WEIGHTS, fold_directory
from training.runs.held_out_scores import Predictions, TrainedFold, by_image, read_kept
from training.runs.history import EpochRecord
from training.runs.request import Precision, RunRequest

SAVED_EVERY_S = 60.0
"""How often, at the end of an epoch, the weights so far are written for the case of a cut-off."""


class TimeUpError(Exception):
    """There is no time for another epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call: several runs within a time."""

    pack: Path
    """Of crops."""
    work: Path
    """Folder of the runs with their checkpoints."""
    out: Path
    """Folder of what is brought back."""
    minutes: float
    """Until no further epoch begins that might not end; scoring and writing take a tenth more."""
    backbone_weights: Sequence[Path] = ()
    precision: Precision = Precision.MIXED_BFLOAT16
    workers: int = 16
    """Threads that prepare images."""
    architectures: Mapping[str, Architecture] = field(
        default_factory=lambda: TRAINING_ARCHITECTURES
    )
    find: Callable[[str], Protocol] = find_protocol
    """Returns a protocol by its name."""


class JsonLines:
    """A `RunReport` of one JSON object a line, which also watches the time."""

    def __init__(self, run: str, ends_s: float, *, save: Callable[[], None] | None = None) -> None:
        self._run, self._ends_s, self._save = run, ends_s, save
        self._saved_s = time.monotonic()

    def say(self, text: str) -> None:
        """Report one fact."""
        tell(run=self._run, said=text)

    def begin(self, what: str, images: int) -> None:
        """Begin a task."""
        tell(run=self._run, begins=what, images=images)

    def advance(self, images: int) -> None:
        """Say nothing between epochs."""

    def epoch(self, record: EpochRecord) -> None:
        """Tell an epoch; raises TimeUpError where the next one might not end in time."""
        speed = round(record.images / record.duration_s, 1)
        tell(run=self._run, **asdict(record), images_per_s=speed)
        if self._save and time.monotonic() - self._saved_s > SAVED_EVERY_S:
            self._save()
            self._saved_s = time.monotonic()
        if time.monotonic() + record.duration_s > self._ends_s:
            raise TimeUpError


def tell(**values: object) -> None:
    """Print one JSON object as a line, at once."""
    print(json.dumps(values), flush=True)  # noqa: T201  what the machine says


def train_runs(session: Session, runs: Sequence[RequestedRun]) -> None:
    """Train runs in order while there is time; each one's scores are written when it is done.

    Raises TrainingError where a run cannot begin; those before it are written by then.
    """
    ends_s = time.monotonic() + 60 * session.minutes
    session.out.mkdir(parents=True, exist_ok=True)
    rows = read_manifest(session.pack / MANIFEST, check_files=False)
    done: list[Path] = []
    for requested in runs:
        if time.monotonic() > ends_s:
            tell(run=requested.name, skipped="no time left")
            continue
        folder = session.work / requested.name
        try:
            run_protocol(
                session.find(requested.protocol),
                _request(session, requested),
                JsonLines(requested.name, ends_s, save=_saving(session, requested)),
                session.architectures,
            )
        except TimeUpError:
            tell(run=requested.name, stopped="no time for another epoch")
        if not finish_stopped(folder):
            continue
        keep_scores(folder, _predictor(session, rows))
        done.append(folder)
        write_scores(done, session.out)
        if requested.keep:
            collect(session.work, session.out, requested.name, session.architectures)
        _tell_left_out(folder, rows)


def collect(
    work: Path,
    out: Path,
    name: str,
    architectures: Mapping[str, Architecture] = TRAINING_ARCHITECTURES,
) -> None:
    """Write the weights of a run that is done; says so where they do not fit."""
    try:
        paths = write_weights(work / name, out, architectures)
        tell(run=name, weights=[path.name for path in paths])
    except TrainingError as error:
        tell(run=name, not_written=str(error))


def _saving(session: Session, requested: RequestedRun) -> Callable[[], None] | None:
    """Return what writes a run's weights so far to what is brought back, if they are."""

    def save() -> None:
        if finish_stopped(session.work / requested.name):
            collect(session.work, session.out, requested.name, session.architectures)

    return save if requested.keep else None


def _predictor(session: Session, rows: Sequence[ImageRow]) -> Scoring:
    pack = CropPack(session.pack)
    return Scoring(pack, by_image(rows), session.architectures, session.workers)


def _request(session: Session, requested: RequestedRun) -> RunRequest:
    weights = list(session.backbone_weights)
    if requested.start:
        weights.append(fold_directory(session.work / requested.start, 1) / WEIGHTS)
    return RunRequest(
        data=session.pack,
        out=session.work / requested.name,
        epochs=requested.epochs,
        images=requested.images,
        backbone_weights=tuple(weights),
        leave_out=requested.leave_out,
        stop_by=requested.stop_by,
        resume=True,
        seed=requested.seed,
        precision=session.precision,
        workers=session.workers,
        terms=requested.terms,
    )


def _tell_left_out(run: Path, rows: Sequence[ImageRow]) -> None:
    """Tell the hospitals that a run left out, each alone."""
    found = by_image(rows)
    (fold,) = scored_folds(run)
    if not hospitals_left_out(fold, found):
        return

    def predictor(requested: TrainedFold, part: Part) -> Predictions:
        return read_kept(requested, part)

    table = left_out_json(evaluate_left_out([[fold]], found, predictor))
    for each in table["hospitals"]:
        figures = {name: told and told["value"] for name, told in each["figures"].items()}
        tell(run=run.name, hospital=each["hospital"], images=each["images"], figures=figures)
