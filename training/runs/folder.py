"""What a run leaves on disk, and how it is found again.

RUN/run.json                  what was trained on what
RUN/fold-K/split.csv          what each image was for in fold K
RUN/fold-K/history.jsonl      one line per epoch
RUN/fold-K/weights.npz        the weights that count
RUN/fold-K/checkpoint.npz     where training stands
"""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from screening.whole_files import write_whole
from training.data.manifest import ImageRow
from training.data.splits import Part
from training.errors import TrainingError
from training.protocols.plan import FoldPlan

RUN_FILE = "run.json"
SPLIT_FILE = "split.csv"
HISTORY = "history.jsonl"
WEIGHTS = "weights.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run trained; two runs of equal records train the same.

    Fields without a text are those of `training.protocols.protocol.Protocol`.
    """

    protocol: str
    architecture: str
    classes: tuple[str, ...]
    outputs: int
    """1 for a sigmoid that scores the first class."""
    height: int
    width: int
    value_range: tuple[float, float]
    view: str
    contrast: str
    mirrored: bool
    inner: float | None
    lung_field: str | None
    """SHA-256 of the lung-field network's weights."""
    left_out: tuple[str, ...]
    """Hospitals, or sources, that are tested on alone."""
    seed: int
    precision: str
    data_digest: str
    """Of the data manifest."""
    preprocessing_fingerprint: str
    """See `screening.imaging.fingerprint`."""
    start: Mapping[str, str]
    """SHA-256 by file name of the weight files it began with; for a fine-tuned network the identity
    of the run it began with."""
    stopped_by: tuple[str, ...] = ()
    """Hospitals left out that say when to stop."""
    terms: Mapping[str, float] = field(default_factory=dict)
    """Weights of the loss terms, by name."""
    cache_below: int | None = None
    """See `RunRequest`."""
    detail_pixels: int | None = None
    against_normal: float = 0.0
    normal_within_hospitals: float = 0.0
    """Weight with which normal was refitted, see `training.fit.refit_normal`; 0: not."""

    @property
    def identity(self) -> str:
        """Name and digest: equal for equal records."""
        # What came later counts where it is used, so that older runs keep their identity.
        later: dict[str, object] = {
            "stopped_by": (),
            "terms": {},
            "cache_below": None,
            "detail_pixels": None,
            "against_normal": 0.0,
            "normal_within_hospitals": 0.0,
        }
        values = {k: v for k, v in asdict(self).items() if k not in later or v != later[k]}
        content = json.dumps(values, sort_keys=True)
        return f"{self.protocol} {hashlib.sha256(content.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class UsedImage:
    """One line of split.csv; phases, from 1, of an image that is trained on."""

    pixels_sha256: str
    klass: str
    part: Part
    phases: tuple[int, ...] = ()


def fold_directory(run: Path, fold: int) -> Path:
    """Return the folder of one fold, counted from 1."""
    return run / f"fold-{fold}"


def finished_folds(run: Path) -> tuple[int, ...]:
    """Return the folds that have weights, ascending."""
    found = (path.parent.name for path in run.glob("fold-*/weights.npz"))
    return tuple(sorted(int(name.removeprefix("fold-")) for name in found))


def write_run(run: Path, record: RunRecord) -> None:
    """Write run.json, or check the one that is there.

    Raises TrainingError where the folder has another run, saying what differs.
    """
    path = run / RUN_FILE
    if path.exists():
        found = read_run(run)
        differing = [
            f"{each.name} (expected {_shown(getattr(record, each.name))}, found "
            f"{_shown(getattr(found, each.name))})"
            for each in fields(RunRecord)
            if getattr(record, each.name) != getattr(found, each.name)
        ]
        if differing:
            raise TrainingError(
                f"{run} has another run, of {found.protocol}; it differs in "
                f"{', '.join(differing)}; name another --out"
            )
        return
    try:
        run.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(record), indent=2) + "\n"
        write_whole(path, text.encode(), sole_writer=True)
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; name another --out") from error


def read_run(run: Path) -> RunRecord:
    """Return what a folder's run trained; raises TrainingError where it has none."""
    path = run / RUN_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        for name in ("classes", "value_range", "left_out", "stopped_by"):
            values[name] = tuple(values.get(name, ()))
        return RunRecord(**values)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(
            f"expected the folder of a training run in {run}, cannot read its {RUN_FILE} "
            f"({type(error).__name__}); name a folder that `screening train run` made"
        ) from error


def write_split(
    folder: Path, rows: Sequence[ImageRow], classes: Sequence[str | None], plan: FoldPlan
) -> None:
    """Write split.csv of one fold: every image that is used, in the manifest's order."""
    phases: dict[int, list[int]] = {}
    for number, indices in enumerate(plan.phases, 1):
        for index in indices:
            phases.setdefault(index, []).append(number)
    parts = {
        **dict.fromkeys(plan.training, Part.TRAIN),
        **dict.fromkeys(plan.validation, Part.VALIDATION),
        **dict.fromkeys(plan.test, Part.TEST),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / SPLIT_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["pixels_sha256", "class", "part", "phases"])
        for index, part in sorted(parts.items()):
            numbers = " ".join(str(number) for number in phases.get(index, []))
            writer.writerow([rows[index].pixels_sha256, classes[index], part, numbers])


def read_split(folder: Path) -> tuple[UsedImage, ...]:
    """Return what each image was for; raises TrainingError where the file is not readable."""
    path = folder / SPLIT_FILE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(
                UsedImage(
                    line["pixels_sha256"],
                    line["class"],
                    Part(line["part"]),
                    tuple(int(number) for number in line["phases"].split()),
                )
                for line in csv.DictReader(file, strict=True)
            )
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise TrainingError(
            f"expected the split of a training run in {path}, cannot read it "
            f"({type(error).__name__}); train the fold again"
        ) from error


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {digest[:12]}" for name, digest in value.items()) or "none"
    return str(value)[:80]
