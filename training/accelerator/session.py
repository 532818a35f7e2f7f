"""Trains several runs one after the other within a time, and writes what is to be brought back."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from screening.networks.architectures import Architecture
from training.accelerator.carried import finish_stopped, write_answers, write_weights
from training.accelerator.run_word import AskedRun
from training.accelerator.scores import Asking, keep_answers
from training.data.manifest import ImageRow, read_manifest
from training.data.splits import Part
from training.errors import TrainingError
from training.fit.train_protocol import run_protocol
from training.inputs.crop_pack import MANIFEST, CropPack
from training.left_out.of_runs import answered_folds, evaluate_left_out, hospitals_left_out
from training.left_out.tables import left_out_json
from training.networks.catalogue import TRAINING_ARCHITECTURES
from training.protocols.protocol import Protocol
from training.protocols.registry import find_protocol
from training.runs.folder import WEIGHTS, fold_directory
from training.runs.held_out_scores import Predictions, TrainedFold, by_picture, read_kept
from training.runs.history import EpochRecord
from training.runs.request import Precision, RunRequest

SAVED_EVERY_S = 60.0
"""How often, at the end of an epoch, the weights so far are written for the case of a cut-off."""


class TimeUpError(Exception):
    """There is no time for another epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call.

    pack: of crops. work: folder of the runs with their checkpoints. out: what is brought back.
    minutes: until no further epoch is begun that might not end; a tenth of it more is needed to ask
    the networks and to write. find: gives a protocol by its name.
    """

    pack: Path
    work: Path
    out: Path
    minutes: float
    backbone_weights: Sequence[Path] = ()
    precision: Precision = Precision.MIXED_BFLOAT16
    workers: int = 16
    architectures: Mapping[str, Architecture] = field(
        default_factory=lambda: TRAINING_ARCHITECTURES
    )
    find: Callable[[str], Protocol] = find_protocol


class JsonLines:
    """A `RunReport` of one JSON object a line, which also watches the time."""

    def __init__(self, run: str, ends_s: float, *, save: Callable[[], None] | None = None) -> None:
        self._run, self._ends_s, self._save = run, ends_s, save
        self._saved_s = time.monotonic()

    def say(self, text: str) -> None:
        """Tell one fact."""
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


def train_runs(session: Session, runs: Sequence[AskedRun]) -> None:
    """Train runs in order while there is time; each one's answers are written when it is done.

    Raises TrainingError where a run cannot begin; those before it are written by then.
    """
    ends_s = time.monotonic() + 60 * session.minutes
    session.out.mkdir(parents=True, exist_ok=True)
    rows = read_manifest(session.pack / MANIFEST, check_files=False)
    done: list[Path] = []
    for asked in runs:
        if time.monotonic() > ends_s:
            tell(run=asked.name, skipped="no time left")
            continue
        folder = session.work / asked.name
        try:
            run_protocol(
                session.find(asked.protocol),
                _request(session, asked),
                JsonLines(asked.name, ends_s, save=_saving(session, asked)),
                session.architectures,
            )
        except TimeUpError:
            tell(run=asked.name, stopped="no time for another epoch")
        if not finish_stopped(folder):
            continue
        keep_answers(folder, _asking(session, rows))
        done.append(folder)
        write_answers(done, session.out)
        if asked.keep:
            collect(session.work, session.out, asked.name, session.architectures)
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


def _saving(session: Session, asked: AskedRun) -> Callable[[], None] | None:
    """Return what writes a run's weights so far to what is brought back, if they are."""

    def save() -> None:
        if finish_stopped(session.work / asked.name):
            collect(session.work, session.out, asked.name, session.architectures)

    return save if asked.keep else None


def _asking(session: Session, rows: Sequence[ImageRow]) -> Asking:
    pack = CropPack(session.pack)
    return Asking(pack, by_picture(rows), session.architectures, session.workers)


def _request(session: Session, asked: AskedRun) -> RunRequest:
    weights = list(session.backbone_weights)
    if asked.start:
        weights.append(fold_directory(session.work / asked.start, 1) / WEIGHTS)
    return RunRequest(
        data=session.pack,
        out=session.work / asked.name,
        epochs=asked.epochs,
        images=asked.images,
        backbone_weights=tuple(weights),
        leave_out=asked.leave_out,
        stop_by=asked.stop_by,
        resume=True,
        seed=asked.seed,
        precision=session.precision,
        workers=session.workers,
        terms=asked.terms,
    )


def _tell_left_out(run: Path, rows: Sequence[ImageRow]) -> None:
    """Tell the hospitals that a run left out, each alone."""
    found = by_picture(rows)
    (fold,) = answered_folds(run)
    if not hospitals_left_out(fold, found):
        return

    def ask(asked: TrainedFold, part: Part) -> Predictions:
        return read_kept(asked, part)

    table = left_out_json(evaluate_left_out([[fold]], found, ask))
    for each in table["hospitals"]:
        figures = {name: told and told["value"] for name, told in each["figures"].items()}
        tell(run=run.name, hospital=each["hospital"], images=each["images"], figures=figures)
