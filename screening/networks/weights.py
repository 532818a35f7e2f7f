"""Weight files: plain .npz shards keyed layer/weight, read strictly.

Arrays of two or more dimensions (kernels) are stored in the chosen precision; vectors (biases and
batch normalisation, statistics included) stay float32, since they are small and sensitive. An int8
kernel comes with its scales, keyed layer/weight.scale, and, where it has more than 8 bits, with the
lower ones, keyed layer/weight.low. The precision is read from each array, so a later precision adds
an array type, not a format.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np
from numpy.typing import NDArray

from screening.errors import BundleError
from screening.networks.quantisation import (
    QuantisedKernel,
    dequantise,
    fits_together,
    quantise,
)
from screening.plain_arrays import read_arrays

Precision = Literal["int7", "int8", "int9", "float16", "float32"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""From the smallest to the most exact."""
BITS: Mapping[Precision, int] = {"int7": 7, "int8": 8, "int9": 9}
"""See `screening.networks.quantisation.bits_of`; the others are NumPy's types."""
SHARD_BYTES = 44_500_000
"""Many file hosts and reviews refuse files over 45 MB; the rest is for what .npz adds."""

_READABLE = (np.dtype(np.int8), np.dtype(np.float16), np.dtype(np.float32))
_SCALE, _LOW = ".scale", ".low"
_NO_LOW = np.zeros((0, 0), np.uint8)
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

    dtype: of the kernels; int7 to int9 have a scale for each output channel, and more bits for
    small kernels than for large ones (`screening.networks.quantisation`), and take about a quarter
    of float32's room. The same weights give the same bytes. Each shard holds at most `shard_bytes`
    of array data; an array larger than that gets a shard of its own.
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
        save = np.savez_compressed if dtype in BITS else np.savez  # floats hardly shrink
        save(path, allow_pickle=False, **content)
        paths.append(path)
    return paths


def load_weights(model: keras.Model, paths: Iterable[Path]) -> None:
    """Read all shards and put them into `model`, all of them or none.

    Raises BundleError, naming the arrays, where one is missing, surplus, there twice, of another
    shape, of an unknown type or not finite, where int8 codes and their scales or lower bits do not
    belong together, and where a file is no .npz file.
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
    if dtype in BITS:
        found = quantise(_finite(key, array), BITS[dtype], depthwise=depthwise)
        low = {key + _LOW: found.low} if len(found.low) else {}
        return {key: found.high, key + _SCALE: found.scales, **low}
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
    high = {key: array for key, array in arrays.items() if array.dtype == np.int8}
    _refuse(
        f"{where}: int8 arrays without a scale",
        (key for key in high if key + _SCALE not in arrays),
    )
    quantised = {
        key: QuantisedKernel(codes, arrays.get(key + _LOW, _NO_LOW), arrays[key + _SCALE])
        for key, codes in high.items()
    }
    _refuse(
        f"{where}: int8 arrays whose scales are not one positive float32 a channel, or whose lower "
        "bits are not one for each weight",
        (key for key, found in quantised.items() if not fits_together(found)),
    )
    used = {key + suffix for key in high for suffix in ("", _SCALE, _LOW)}
    plain = {key: a.astype(np.float32) for key, a in arrays.items() if key not in used}
    return plain | {key: dequantise(found) for key, found in quantised.items()}


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
        shard = read_arrays(path)
        _refuse(f"{path.name}: arrays that an earlier file already holds", arrays.keys() & shard)
        types = [f"{key} ({a.dtype})" for key, a in shard.items() if not _is_readable(key, a)]
        _refuse(f"{path.name}: arrays that are neither int8, float16 nor float32", types)
        infinite = [key for key, array in shard.items() if not np.isfinite(array).all()]
        _refuse(f"{path.name}: arrays with numbers that are not finite", infinite)
        arrays |= shard
    return arrays


def _is_readable(key: str, array: NDArray[Any]) -> bool:
    return array.dtype in _READABLE or (key.endswith(_LOW) and array.dtype == np.uint8)


def _refuse(what: str, names: Iterable[str]) -> None:
    """Raise BundleError where there are names."""
    found = sorted(names)
    if found:
        more = f" and {len(found) - _NAMES_SHOWN} more" if len(found) > _NAMES_SHOWN else ""
        raise BundleError(
            f"{what}: {', '.join(found[:_NAMES_SHOWN])}{more}; "
            "use the weight files that belong to this manifest"
        )
