"""Starts a network from weights that somebody else trained: .npz, .h5 or .keras.

Layers are matched by name. The name of a layer that its authors left unnamed depends on what their
process had built before; such layers are matched by their order, where the file has all of them.
Within a layer arrays are matched by name (kernel, gamma, ...), else by order where file and layer
have the same number.
"""

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]  # it has none
import keras
import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError
from training.networks.freezing import HEAD_LAYERS

Layers = dict[str, list[tuple[str, NDArray[Any]]]]
"""Arrays and their names, in the file's order, by layer name."""

_UNNAMED = re.compile(r"(?P<kind>conv2d|batch_normalization|separable_conv2d)(?:_(?P<number>\d+))?")
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class WeightAccount:
    """What became of one file; all names are layer/array.

    matched: put into the network. unmatched: in the file, but nowhere in the network in this
    shape. missing: arrays of the backbone that the file does not have.
    """

    file: Path
    matched: tuple[str, ...]
    unmatched: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.file.name}: {len(self.matched)} arrays matched"]
        lines += [
            f"  {what}: {len(names)} ({_shown(names)})"
            for what, names in (
                ("in the file only", self.unmatched),
                ("in the network only, left as they were", self.missing),
            )
            if names
        ]
        return "\n".join(lines)


def load_backbone_weights(model: keras.Model, path: Path) -> WeightAccount:
    """Put what fits of a weight file into a network's backbone, and account for all of it.

    The head (`HEAD_LAYERS`) is never touched. Raises TrainingError where the file cannot be read
    or nothing in it fits.
    """
    weights = _backbone_weights(model)
    stored = _with_names_of(model, _read(path))
    values: dict[str, NDArray[Any]] = {}
    unmatched: list[str] = []
    for layer, arrays in stored.items():
        fitting = _fitting(layer, arrays, weights)
        values |= fitting
        unmatched += [f"{layer}/{name}" for name, _ in arrays] if not fitting else []
    if not values:
        raise TrainingError(
            f"expected weights of the backbone of {model.name} in {path}, found none that fits: "
            f"the file has {_shown(list(stored))}, the network {_shown(list(weights))}; "
            "name a file made from the same network"
        )
    for key, value in values.items():
        layer, name = key.split("/", 1)
        weights[layer][name].assign(value.astype(np.float32))
    every = [f"{layer}/{name}" for layer, named in weights.items() for name in named]
    missing = tuple(key for key in every if key not in values)
    return WeightAccount(path, tuple(values), tuple(unmatched), missing)


def fresh_layers(model: keras.Model, accounts: Iterable[WeightAccount]) -> tuple[str, ...]:
    """Return the layers of the backbone that no file gave all arrays of; they must learn."""
    matched = {key for account in accounts for key in account.matched}
    return tuple(
        layer
        for layer, named in _backbone_weights(model).items()
        if any(f"{layer}/{name}" not in matched for name in named)
    )


def _backbone_weights(model: keras.Model) -> dict[str, dict[str, keras.Variable]]:
    return {
        layer.name: {weight.name: weight for weight in layer.weights}
        for layer in model.layers
        if layer.weights and layer.name not in HEAD_LAYERS
    }


def _fitting(
    layer: str,
    arrays: Sequence[tuple[str, NDArray[Any]]],
    weights: Mapping[str, Mapping[str, keras.Variable]],
) -> dict[str, NDArray[Any]]:
    """Return the arrays of one layer by layer/array; none unless all of them fit."""
    targets = weights.get(layer, {})
    if {name for name, _ in arrays} <= targets.keys():
        pairs = [(name, array) for name, array in arrays]
    elif len(arrays) == len(targets):
        pairs = [(name, array) for name, (_, array) in zip(targets, arrays, strict=True)]
    else:
        return {}
    fits = all(tuple(targets[name].shape) == array.shape for name, array in pairs)
    finite = all(np.isfinite(array).all() for _, array in pairs)
    return {f"{layer}/{name}": array for name, array in pairs} if fits and finite else {}


def _with_names_of(model: keras.Model, layers: Layers) -> Layers:
    """Rename unnamed layers to the network's own names, kind by kind, where all are there."""
    ours, theirs = _unnamed(layer.name for layer in model.layers if layer.weights), _unnamed(layers)
    renamed = {
        old: new
        for kind, names in theirs.items()
        if len(names) == len(ours.get(kind, []))
        for old, new in zip(names, ours[kind], strict=True)
    }
    return {renamed.get(name, name): arrays for name, arrays in layers.items()}


def _unnamed(names: Iterable[str]) -> dict[str, list[str]]:
    numbered: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in names:
        found = _UNNAMED.fullmatch(name)
        if found:
            numbered[found["kind"]].append((int(found["number"] or 0), name))
    return {kind: [name for _, name in sorted(pairs)] for kind, pairs in numbered.items()}


def _read(path: Path) -> Layers:
    readers = {".npz": _read_npz, ".h5": _read_h5, ".hdf5": _read_h5, ".keras": _read_keras}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise TrainingError(
            f"expected backbone weights as {', '.join(readers)}, found {path}; convert the file"
        )
    try:
        return reader(path)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"expected backbone weights in {path}, cannot read them ({type(error).__name__}: "
            f"{error}); copy the file again, or name another"
        ) from error


def _read_npz(path: Path) -> Layers:
    layers: Layers = defaultdict(list)
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        for key in stored.files:
            layer, _, name = key.rpartition("/")
            layers[layer].append((name, stored[key]))
    return dict(layers)


def _read_keras(path: Path) -> Layers:
    model = keras.models.load_model(path, compile=False, safe_mode=True)
    return {
        layer.name: [(weight.name, weight.numpy()) for weight in layer.weights]
        for layer in _leaves(model)
        if layer.weights
    }


def _leaves(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        yield from _leaves(layer) if isinstance(layer, keras.Model) else [layer]


def _read_h5(path: Path) -> Layers:
    with h5py.File(path, "r") as file:
        root = file.get("model_weights", file)
        return _read_keras_2(root) if "layer_names" in root.attrs else _read_keras_3(root)


def _read_keras_2(root: h5py.Group) -> Layers:
    """Read what `save_weights` and `save` of Keras 2 wrote: names in attributes.

    A network used as a layer stores all its arrays under one name; their own names tell the layer.
    """
    layers: Layers = defaultdict(list)
    for outer in _names(root, "layer_names"):
        for weight in _names(root[outer], "weight_names"):
            layer, _, name = weight.rpartition("/")
            array = np.asarray(root[outer][weight])
            layers[layer.rpartition("/")[2] or outer].append((name.partition(":")[0], array))
    return dict(layers)


def _names(group: h5py.Group, attribute: str) -> list[str]:
    return [n.decode() if isinstance(n, bytes) else str(n) for n in group.attrs[attribute]]


def _read_keras_3(root: h5py.Group) -> Layers:
    """Read what `save_weights` of Keras 3 wrote: groups `vars`, arrays numbered, names within."""
    layers: Layers = {}

    def visit(path: str, found: h5py.Group | h5py.Dataset) -> None:
        if isinstance(found, h5py.Group) and path.rpartition("/")[2] == "vars" and len(found):
            stored = found.attrs.get("name", path.split("/")[-2])
            name = stored.decode() if isinstance(stored, bytes) else str(stored)
            numbers = sorted(found, key=int)
            layers[name] = [(number, np.asarray(found[number])) for number in numbers]

    root.visititems(visit)
    return layers


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
