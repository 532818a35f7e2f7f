"""Weight files: plain .npz shards keyed layer/weight, read strictly.

Arrays of two or more dimensions (kernels) are stored in the chosen precision; vectors (biases and
batch normalisation, statistics included) stay float32, since they are small and sensitive. An int8
kernel comes with its scales, keyed layer/weight.scale. The precision is read from each array, so a
later precision adds an array type, not a format.
"""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from screening.errors import BundleError
from screening.networks.quantisation import are_scales_of, dequantise, quantise

Precision = Literal["int8", "float16", "float32"]
SHARD_BYTES = 44_500_000
"""Many file hosts and reviews refuse files over 45 MB; the rest is for what .npz adds."""

_READABLE = (np.dtype(np.int8), np.dtype(np.float16), np.dtype(np.float32))
_SCALE = ".scale"
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

    dtype: of the kernels; int8 has a scale for each output channel (`screening.networks.
    quantisation`) and takes a quarter of float32's room. The same weights give the same bytes. Each
    shard holds at most `shard_bytes` of array data; an array larger than that gets a shard of its
    own.
    Raises BundleError for a weight that is not finite in the chosen precision.
    """
    depthwise = _depthwise_keys(model)
    arrays: dict[str, NDArray[Any]] = {}
    for key, weight in _weights_by_key(model).items():
        arrays |= _stored(key, weight, dtype, depthwise=key in depthwise)
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
    shape, of an unknown type or not finite, where int8 codes and scales do not belong together, and
    where a file is no .npz file.
    """
    files = list(paths)
    where = ", ".join(path.name for path in files)
    arrays = _with_scales_applied(_read_shards(files), where)
    weights = _weights_by_key(model)
    _refuse(f"{where}: the network needs arrays that are missing", weights.keys() - arrays.keys())
    _refuse(f"{where}: arrays that the network does not have", arrays.keys() - weights.keys())
    shapes = [
        f"{key} (expected {tuple(weight.shape)}, found {arrays[key].shape})"
        for key, weight in weights.items()
        if tuple(weight.shape) != arrays[key].shape
    ]
    _refuse(f"{where}: arrays of another shape than the network's", shapes)
    for key, weight in weights.items():
        weight.assign(arrays[key])


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


def _depthwise_keys(model: keras.Model) -> set[str]:
    """Return the keys of the kernels whose third dimension is an output channel, too."""
    kernels = {
        keras.layers.DepthwiseConv2D: "kernel",
        keras.layers.SeparableConv2D: "depthwise_kernel",
    }
    return {
        f"{layer.name}/{name}"
        for layer in model.layers
        for kind, name in kernels.items()
        if isinstance(layer, kind)
    }


def _stored(
    key: str, weight: keras.Variable, dtype: Precision, *, depthwise: bool
) -> dict[str, NDArray[Any]]:
    array: NDArray[Any] = weight.numpy().astype(np.float32)
    if array.ndim == 1:
        return {key: _finite(key, array)}
    if dtype == "int8":
        codes, scales = quantise(_finite(key, array), depthwise=depthwise)
        return {key: codes, key + _SCALE: scales}
    with np.errstate(over="ignore"):
        return {key: _finite(key, array.astype(dtype))}


def _finite(key: str, array: NDArray[Any]) -> NDArray[Any]:
    if not np.isfinite(array).all():
        raise BundleError(
            f"weight {key}: expected finite {array.dtype} numbers, found others; "
            f"choose float32, or train again"
        )
    return array


def _with_scales_applied(
    arrays: Mapping[str, NDArray[Any]], where: str
) -> dict[str, NDArray[np.float32]]:
    codes = {key: array for key, array in arrays.items() if array.dtype == np.int8}
    scales = {key: arrays[key + _SCALE] for key in codes if key + _SCALE in arrays}
    _refuse(f"{where}: int8 arrays without a scale", codes.keys() - scales.keys())
    unfit = [key for key, scale in scales.items() if not are_scales_of(scale, codes[key])]
    _refuse(f"{where}: int8 arrays whose scales are not one positive float32 a channel", unfit)
    used = {key + _SCALE for key in scales}
    plain = {
        key: a.astype(np.float32) for key, a in arrays.items() if key not in used | codes.keys()
    }
    return plain | {key: dequantise(codes[key], scales[key]) for key in codes}


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
        _refuse(f"{path.name}: arrays that are neither int8, float16 nor float32", types)
        infinite = [key for key, array in shard.items() if not np.isfinite(array).all()]
        _refuse(f"{path.name}: arrays with numbers that are not finite", infinite)
        arrays |= shard
    return arrays


def _read_shard(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # NumPy leaves a file open that it opened itself and could not read.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as shard:
            _refuse_compressed(shard.zip)
            return {key: shard[key] for key in shard.files}
    except (OSError, EOFError, MemoryError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"{path}: expected a .npz file of plain arrays, found something else "
            f"({type(error).__name__}); take the bundle from its source again"
        ) from error


def _refuse_compressed(archive: zipfile.ZipFile) -> None:
    if any(member.compress_type for member in archive.infolist()):
        raise ValueError("compressed: a few kilobytes could fill the memory")


def _refuse(what: str, names: Iterable[str]) -> None:
    """Raise BundleError where there are names."""
    found = sorted(names)
    if found:
        more = f" and {len(found) - _NAMES_SHOWN} more" if len(found) > _NAMES_SHOWN else ""
        raise BundleError(
            f"{what}: {', '.join(found[:_NAMES_SHOWN])}{more}; "
            "use the weight files that belong to this manifest"
        )
