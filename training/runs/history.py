"""What a run writes down after every epoch: one JSON object a line."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from screening.whole_files import fsync, write_whole
from training.errors import TrainingError


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One epoch of one phase."""

    phase: int
    """From 1."""
    epoch: int
    """From 1."""
    images: int
    """How many the network was trained on."""
    loss: float
    """Mean over the training images, augmented."""
    accuracy: float
    """Of the training images, augmented, 0 to 1."""
    validation_loss: float
    validation_accuracy: float
    """From 0 to 1."""
    duration_s: float
    wait_s: float
    """How long the network waited for images, of duration_s."""
    best: bool
    """No epoch before had a higher validation accuracy."""
    left_out_area: float | None = None
    """Under the ROC of COVID-19 against normal, of hospitals left out; None without both."""


def append_record(path: Path, record: EpochRecord) -> None:
    """Add a line; raises TrainingError where the disk does not take it."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record)) + "\n")
        fsync(path)
    except OSError as error:
        raise TrainingError(
            f"cannot write {path}: {error.strerror}; make room, then go on with --resume"
        ) from error


def read_history(path: Path) -> tuple[EpochRecord, ...]:
    """Return the records of a run in order; a last line that was cut off is left out."""
    if not path.exists():
        return ()
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(EpochRecord(**json.loads(line)))
        except (json.JSONDecodeError, TypeError):
            break
    return tuple(records)


def keep_until(path: Path, phase: int, epochs: int) -> None:
    """Drop records after `epochs` epochs of phase `phase` (from 1): they will be made again."""
    kept = [r for r in read_history(path) if (r.phase, r.epoch) <= (phase, epochs)]
    text = "".join(json.dumps(asdict(r)) + "\n" for r in kept)
    write_whole(path, text.encode(), sole_writer=True)
