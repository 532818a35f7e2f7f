"""Where a run stands, written after every epoch, whole or not at all.

A checkpoint holds every variable: weights, moving statistics, the states of the random generators
of dropout, and the optimizer's. Nothing else is random in a run but what its seed and the epoch
give anew, so a run that continues from a checkpoint ends as one that was never interrupted.
"""

import contextlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
from numpy.typing import NDArray

from screening.whole_files import whole_path
from training.errors import TrainingError

_POSITION = "position.json"
_SPARE_BYTES = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a run is. identity: of the run, see `training.runs.folder`.

    phase, epochs: the phase, counted from 0, and how many of its epochs are finished. best_area,
    best_epoch: the highest area on hospitals left out, and after which epoch of its phase.
    """

    identity: str
    phase: int = 0
    epochs: int = 0
    best_accuracy: float | None = None
    best_area: float | None = None
    best_epoch: int = 0


def save_checkpoint(path: Path, model: keras.Model, position: Position) -> None:
    """Write the network, its optimizer and the position; raises TrainingError on a full disk."""
    text = json.dumps(asdict(position))
    arrays: dict[str, Any] = {name: variable.numpy() for name, variable in _variables(model)}
    arrays[_POSITION] = np.frombuffer(text.encode(), dtype=np.uint8)
    _write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def read_position(path: Path) -> Position:
    """Return a checkpoint's position; raises TrainingError where it cannot be read."""
    with _opened(path) as stored:
        return Position(**json.loads(stored[_POSITION].tobytes()))


def load_checkpoint(path: Path, model: keras.Model) -> Position:
    """Put a checkpoint into a compiled network whose optimizer is built.

    Raises TrainingError where the file is damaged or belongs to another network; then nothing is
    changed.
    """
    with _opened(path) as stored:
        variables = dict(_variables(model))
        names = set(stored.files) - {_POSITION}
        arrays = {name: stored[name] for name in names}
        position = Position(**json.loads(stored[_POSITION].tobytes()))
    differing = names ^ variables.keys() or {
        name for name in names if tuple(variables[name].shape) != arrays[name].shape
    }
    if differing:
        raise TrainingError(
            f"expected the checkpoint of {model.name} in {path}, found one of another network or "
            f"optimizer ({min(differing)} differs); name another --out, or the same protocol"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])
    return position


def save_network(path: Path, model: keras.Model) -> None:
    """Write a network's weights, float32, in one .npz that `networks.weights` reads."""
    write_arrays(
        path,
        {
            f"{layer.name}/{weight.name}": weight.numpy()
            for layer in model.layers
            for weight in layer.weights
        },
    )


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays, whole or not at all; raises TrainingError on a full disk."""
    content: dict[str, Any] = dict(arrays)
    _write_whole(path, lambda file: np.savez(file, allow_pickle=False, **content))


def read_arrays_of(path: Path) -> dict[str, NDArray[Any]]:
    """Return what `write_arrays` wrote; raises TrainingError where it cannot be read."""
    with _opened(path) as stored:
        return {name: stored[name] for name in stored.files}


def check_space(directory: Path, model: keras.Model) -> None:
    """Raise TrainingError where the disk cannot take a checkpoint beside the one before it."""
    weights = sum(int(np.prod(weight.shape)) for weight in model.weights)
    needed = 4 * weights * 3 * 2 + 4 * weights * 2 + _SPARE_BYTES
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise TrainingError(
            f"expected {needed / 1e6:.0f} MB free for checkpoints in {directory}, found "
            f"{free / 1e6:.0f} MB; make room, or name another --out"
        )


def snapshot(model: keras.Model) -> list[NDArray[Any]]:
    """Return copies of every variable, for `restore`."""
    return [np.copy(variable.numpy()) for _, variable in _variables(model)]


def restore(model: keras.Model, arrays: list[NDArray[Any]]) -> None:
    """Put back what `snapshot` returned."""
    for (_, variable), array in zip(_variables(model), arrays, strict=True):
        variable.assign(array)


def _variables(model: keras.Model) -> list[tuple[str, keras.Variable]]:
    """Return variables by place: names of random states count what the process built before."""
    named = [(f"network/{n}", v) for n, v in enumerate(model.variables)]
    named += [(f"optimizer/{n}", v) for n, v in enumerate(model.optimizer.variables)]
    return named


def _write_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    try:
        with whole_path(path, sole_writer=True) as unfinished, unfinished.open("wb") as file:
            write(file)
    except OSError as error:
        raise TrainingError(
            f"cannot write {path}: {error.strerror or error}; make room or mend the disk, then go "
            "on with --resume from the epoch before"
        ) from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            yield stored
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"expected a checkpoint in {path}, cannot read it ({type(error).__name__}: {error}); "
            "remove it to begin again"
        ) from error
