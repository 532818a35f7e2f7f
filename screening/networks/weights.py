"""Weight files: plain .npz shards keyed layer/weight, read strictly.

Arrays of two or more dimensions (kernels) are stored in the chosen precision; vectors (biases and
batch normalisation, statistics included) stay float32, since they are small and sensitive. The
precision is read from each array, so a later precision adds an array type, not a format.
"""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from screening.errors import BundleError

Precision = Literal["float16", "float32"]
SHARD_BYTES = 45_000_000
"""Many file hosts and reviews refuse larger files."""

_READABLE = (np.dtype(np.float16), np.dtype(np.float32))
_NAMES_SHOWN = 5


def save_weights(
    model: keras.Model,
    directory: Path,
    stem: str,
    *,
    dtype: Precision = "float16",
    shard_bytes: int = SHARD_BYTES,
) -> list[Path]:
    """Write the weights to `directory`/`stem`-1-of-n.npz and so on; return the paths in order.

    The same weights give the same bytes. Each shard holds at most `shard_bytes` of array data; an
    array larger than that gets a shard of its own.
    Raises BundleError for a weight that is not finite in the chosen precision.
    """
    arrays = {key: _stored(key, weight, dtype) for key, weight in _weights_by_key(model).items()}
    shards = _shards(arrays, shard_bytes)
    paths = []
    for number, keys in enumerate(shards, start=1):
        path = directory / f"{stem}-{number}-of-{len(shards)}.npz"
        content: dict[str, Any] = {key: arrays[key] for key in keys}
        np.savez(path, allow_pickle=False, **content)
        paths.append(path)
    return paths


def load_weights(model: keras.Model, paths: Iterable[Path]) -> None:
    """Read all shards and put them into `model`, all of them or none.

    Raises BundleError, naming the arrays, where one is missing, surplus, there twice, of another
    shape, of an unknown type or not finite, and where a file is no .npz file.
    """
    files = list(paths)
    arrays = _read_shards(files)
    weights = _weights_by_key(model)
    where = ", ".join(path.name for path in files)
    _refuse(f"{where}: the network needs arrays that are missing", weights.keys() - arrays.keys())
    _refuse(f"{where}: arrays that the network does not have", arrays.keys() - weights.keys())
    shapes = [
        f"{key} (expected {tuple(weight.shape)}, found {arrays[key].shape})"
        for key, weight in weights.items()
        if tuple(weight.shape) != arrays[key].shape
    ]
    _refuse(f"{where}: arrays of another shape than the network's", shapes)
    for key, weight in weights.items():
        weight.assign(arrays[key].astype(np.float32))


def _weights_by_key(model: keras.Model) -> dict[str, keras.Variable]:
    pairs = [
        (f"{layer.name}/{weight.name}", weight)
        for layer in model.layers
        for weight in layer.weights
    ]
    weights = dict(pairs)
    if len(weights) != len(pairs):
        raise ValueError(f"network {model.name}: two weights share one layer/weight name")
    return weights


def _stored(key: str, weight: keras.Variable, dtype: Precision) -> NDArray[Any]:
    array: NDArray[Any] = weight.numpy()
    with np.errstate(over="ignore"):
        stored = array.astype(dtype if array.ndim > 1 else np.float32)
    if not np.isfinite(stored).all():
        raise BundleError(
            f"weight {key}: expected finite {stored.dtype} numbers, found others; "
            f"choose float32, or train again"
        )
    return stored


def _shards(arrays: Mapping[str, NDArray[Any]], shard_bytes: int) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    filled = 0
    for key, array in arrays.items():
        if shards[-1] and filled + array.nbytes > shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(key)
        filled += array.nbytes
    return shards


def _read_shards(paths: Sequence[Path]) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for path in paths:
        shard = _read_shard(path)
        _refuse(f"{path.name}: arrays that an earlier file already holds", arrays.keys() & shard)
        types = [f"{key} ({a.dtype})" for key, a in shard.items() if a.dtype not in _READABLE]
        _refuse(f"{path.name}: arrays that are neither float16 nor float32", types)
        infinite = [key for key, array in shard.items() if not np.isfinite(array).all()]
        _refuse(f"{path.name}: arrays with numbers that are not finite", infinite)
        arrays |= shard
    return arrays


def _read_shard(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # NumPy leaves a file open that it opened itself and could not read.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as shard:
            return {key: shard[key] for key in shard.files}
    except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"{path}: expected a .npz file of plain arrays, found something else "
            f"({type(error).__name__}); take the bundle from its source again"
        ) from error


def _refuse(what: str, names: Iterable[str]) -> None:
    """Raise BundleError where there are names."""
    found = sorted(names)
    if found:
        more = f" and {len(found) - _NAMES_SHOWN} more" if len(found) > _NAMES_SHOWN else ""
        raise BundleError(
            f"{what}: {', '.join(found[:_NAMES_SHOWN])}{more}; "
            "use the weight files that belong to this manifest"
        )
