"""What is brought back from the machine: answers of all runs, and small weights of some.

OUT/runs.tar.gz          of each run all but weights and checkpoints
OUT/NAME-1-of-N.npz ...  the weights of run NAME, 8 to 16 bits each
"""

import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from screening.networks.architectures import Architecture
from screening.networks.weights import save_weights
from training.averaging import AVERAGE, save_average
from training.errors import TrainingError
from training.fit import WEIGHTS
from training.run_directory import finished_folds, fold_directory
from training.start_network import load_network

RUNS = "runs.tar.gz"
SHARD_BYTES = 15_500_000
MOST_FILES, MOST_BYTES = 8, 62 * 2**20
"""A folder of more is cut down by some machines."""
_HEAVY = (".npz",)


def finish_stopped(run: Path) -> bool:
    """Give a run that ran out of time the weights it has so far; return whether it has any."""
    fold = fold_directory(run, 1)
    if not (fold / WEIGHTS).exists() and (fold / AVERAGE).exists():
        save_average(fold, fold / WEIGHTS)
    return (fold / WEIGHTS).exists()


def write_answers(runs: Sequence[Path], out: Path) -> None:
    """Write runs without their weights into one archive, whole or not at all."""
    part = out / f".{RUNS}.part"
    with tarfile.open(part, "w:gz") as archive:
        for run in runs:
            for path in sorted(run.rglob("*")):
                light = path.suffix not in _HEAVY and not path.name.startswith(".")
                if path.is_file() and light and "lung-field" not in path.parts:
                    archive.add(path, f"{run.name}/{path.relative_to(run)}")
    part.replace(out / RUNS)


def write_weights(run: Path, out: Path, architectures: Mapping[str, Architecture]) -> list[Path]:
    """Write a run's weights small, in files of at most 16 MiB; return them.

    Raises TrainingError where the run has none, or the folder would hold more than it may; then
    nothing of them is left there.
    """
    if not finished_folds(run):
        raise TrainingError(f"expected trained weights in {run}, found none; train it longer")
    before = list(out.glob("*"))
    for old in out.glob(f"{run.name}-*-of-*.npz"):
        old.unlink()
    model = load_network(run, 1, architectures)
    written = save_weights(model, out, run.name, dtype="int8", shard_bytes=SHARD_BYTES)
    files = [path for path in out.glob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    if len(files) > MOST_FILES or size > MOST_BYTES:
        for path in written:
            path.unlink()
        raise TrainingError(
            f"expected at most {MOST_FILES} files of {MOST_BYTES / 2**20:.0f} MiB in {out}, found "
            f"{len(files)} of {size / 2**20:.1f} MiB with the weights of {run.name} beside "
            f"{len(before)} others; `collect` them in a call of their own"
        )
    return written


def read_weights(folder: Path, name: str) -> list[Path]:
    """Return the files of a run's weights, in order; none where they were not brought back."""
    found = folder.glob(f"{name}-*-of-*.npz")
    return sorted(path for path in found if path.stem.rsplit("-", 3)[0] == name)
