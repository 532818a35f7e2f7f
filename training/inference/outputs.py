"""A network's scores of a set of images."""

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from training.inputs.batches import Prefetched, RadiographBatches
from training.protocols.protocol import Loss

_SMALLEST = 1e-7
"""Keras clips probabilities there before it takes their logarithm."""


@dataclass(frozen=True, slots=True)
class Score:
    """Mean loss and accuracy (0 to 1) over a set of images."""

    loss: float
    accuracy: float


def predict(
    model: keras.Model, batches: RadiographBatches, *, workers: int = 2
) -> NDArray[np.float32]:
    """Return the outputs for every image, (n, outputs), in the order of `batches`.

    One sigmoid output is the probability of the protocol's first class.
    """
    # With several replicas each of them scores the whole batch.
    outputs = [
        np.asarray(model.predict_on_batch(_filled(batch.images, batches)))[: len(batch.images)]
        for batch in Prefetched(batches, workers=workers)
    ]
    return np.concatenate(outputs).astype(np.float32)


def _filled(images: NDArray[np.float32], batches: RadiographBatches) -> NDArray[np.float32]:
    """Return a last, smaller batch at full size: another size would be compiled anew."""
    lacking = min(batches.batch_size, batches.size) - len(images)
    return np.concatenate([images, np.repeat(images[-1:], lacking, axis=0)]) if lacking else images


def score(model: keras.Model, batches: RadiographBatches, loss: Loss, *, workers: int = 2) -> Score:
    """Return mean loss and accuracy; sample weights do not count.

    Where several classes are allowed, any of them is right.
    """
    found = predict(model, batches, workers=workers).astype(np.float64)
    wanted = batches.targets[batches.order]
    found = np.clip(found, _SMALLEST, 1 - _SMALLEST)
    if loss is Loss.BINARY_CROSSENTROPY:
        losses = -(wanted * np.log(found) + (1 - wanted) * np.log(1 - found)).mean(axis=1)
        right = ((found >= 0.5) == (wanted >= 0.5)).all(axis=1)  # noqa: PLR2004  the middle
    else:
        losses = -np.log((wanted * found).sum(axis=1))
        right = np.take_along_axis(wanted, found.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0] > 0
    return Score(float(losses.mean()), float(right.mean()))
