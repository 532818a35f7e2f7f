"""What is brought back from the machine: scores of all runs, and small weights of some.

OUT/runs.tar.gz          of each run all but weights and checkpoints
OUT/NAME-1-of-N.npz ...  the weights of run NAME, 8 to 16 bits each
"""

import shutil
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from screening.networks.architectures import Architecture
from screening.networks.weights import save_weights
from screening.whole_files import whole_path
from training.errors import TrainingError
from training.fit.weight_averaging import AVERAGE, save_average
from training.networks.initial import load_network
from training.runs.folder import WEIGHTS, finished_folds, fold_directory, read_run

RUNS = "runs.tar.gz"
SHARD_BYTES = 15_500_000
MOST_FILES, MOST_BYTES = 8, 62 * 2**20
"""A folder of more is cut down by some machines."""
_HEAVY = (".npz",)


def finish_stopped(run: Path) -> bool:
    """Give a run that is not at its end the weights it has so far; return whether it has any.

    That is the mean of its epochs, but for a run that a hospital stops: it has its best epoch's.
    """
    fold = fold_directory(run, 1)
    average, weights = fold / AVERAGE, fold / WEIGHTS
    if average.exists() and not (read_run(run).stopped_by and weights.exists()):
        save_average(fold, weights)
    return weights.exists()


def write_scores(runs: Sequence[Path], out: Path) -> None:
    """Write runs without their weights into one archive, whole or not at all."""
    with (
        whole_path(out / RUNS, sole_writer=True) as unfinished,
        tarfile.open(unfinished, "w:gz") as archive,
    ):
        for run in runs:
            for path in sorted(run.rglob("*")):
                light = path.suffix not in _HEAVY and not path.name.startswith(".")
                if path.is_file() and light and "lung-field" not in path.parts:
                    archive.add(path, f"{run.name}/{path.relative_to(run)}")


def write_weights(run: Path, out: Path, architectures: Mapping[str, Architecture]) -> list[Path]:
    """Write a run's weights small, in files of at most 16 MiB; return them.

    Raises TrainingError where the run has none, or the folder would hold more than it may; then
    nothing of them is left there.
    """
    if not finished_folds(run):
        raise TrainingError(f"expected trained weights in {run}, found none; train it longer")
    with tempfile.TemporaryDirectory(dir=run, prefix=".carried-") as folder:
        model = load_network(run, 1, architectures)
        written = save_weights(model, Path(folder), run.name, dtype="int9", shard_bytes=SHARD_BYTES)
        own = read_weights(out, run.name)
        others = [path for path in out.iterdir() if path.is_file() and path not in own]
        size = sum(path.stat().st_size for path in (*others, *written))
        if len(others) + len(written) > MOST_FILES or size > MOST_BYTES:
            raise TrainingError(
                f"expected at most {MOST_FILES} files of {MOST_BYTES / 2**20:.0f} MiB in {out}, "
                f"found {len(others) + len(written)} of {size / 2**20:.1f} MiB with the weights of "
                f"{run.name}; `collect` them in a call of their own"
            )
        for old in own:
            old.unlink()
        return [Path(shutil.move(path, out / path.name)) for path in written]


def read_weights(folder: Path, name: str) -> list[Path]:
    """Return the files of a run's weights, in order; none where they were not brought back."""
    found = folder.glob(f"{name}-*-of-*.npz")
    return sorted(path for path in found if path.stem.rsplit("-", 3)[0] == name)
