"""The mean of a network's weights over the last epochs, which holds better than any one of them.

Source: Izmailov et al. 2018, UAI, Averaging Weights Leads to Wider Optima; Cha et al. 2021,
NeurIPS, SWAD (other hospitals are such a case). Batch normalisations that learn keep the mean of
their statistics, too.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.runs.checkpoint import read_arrays_of, write_arrays

AVERAGE = "average.npz"
_EPOCHS = "epochs"


def add_to_average(directory: Path, model: keras.Model, epoch: int, *, anew: bool) -> None:
    """Add the weights after an epoch, counted from 1, to the mean that is kept in a folder.

    anew: the mean is of this epoch alone. An epoch that was added already, before a run was cut
    off, is not added twice.
    """
    path = directory / AVERAGE
    current = weights_by_key(model)
    if anew or not path.exists():
        write_arrays(path, {**current, _EPOCHS: np.array([epoch])})
        return
    kept = read_arrays_of(path)
    epochs = kept.pop(_EPOCHS)
    if epoch in epochs:
        return
    count = len(epochs)
    mean = {key: (count * kept[key] + value) / (count + 1) for key, value in current.items()}
    mean = {key: value.astype(np.float32) for key, value in mean.items()}
    write_arrays(path, {**mean, _EPOCHS: np.append(epochs, epoch)})


def save_average(directory: Path, path: Path) -> None:
    """Write the mean that is kept in a folder as a network's weights; raises TrainingError."""
    kept = read_arrays_of(directory / AVERAGE)
    write_arrays(path, {key: array for key, array in kept.items() if key != _EPOCHS})


def weights_by_key(model: keras.Model) -> dict[str, NDArray[Any]]:
    """Return copies of a network's weights, float32, by layer/weight."""
    return {
        f"{layer.name}/{weight.name}": np.array(weight.numpy(), np.float32)
        for layer in model.layers
        for weight in layer.weights
    }
