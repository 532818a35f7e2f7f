"""Trains the lung field network; a checkpoint after each epoch, resumable at any time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.imaging.network_input.lung_field import LungFieldSpec, network_input
from screening.networks.lung_field import build_lung_field
from training.augmentation.geometry import image_random
from training.errors import TrainingError
from training.lung_field.augment import training_pair
from training.runs.checkpoint import Position, load_checkpoint, read_position, save_checkpoint

BATCH = 16
FIRST_LEARNING_RATE = 2e-3
CHECKPOINT = "checkpoint.npz"

Arrays = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class LungFieldFit:
    """How the network is trained."""

    epochs: int
    seed: int
    """Of weights, order and augmentation."""
    identity: str
    """Says what is trained; a checkpoint of another identity is refused."""
    resume: bool = False
    """Go on from the checkpoint that is there."""
    on_step: Callable[[int], None] = lambda _images: None
    """Called with the number of images of each finished step."""
    on_epoch: Callable[[int, float], None] = lambda _epoch, _loss: None
    """Called with the epoch, from 1, and its mean loss."""


def fit_lung_field(
    radiographs: Arrays,
    masks: Arrays,
    spec: LungFieldSpec,
    run: Path,
    settings: LungFieldFit,
) -> keras.Model:
    """Return the trained network; the same on the same machine for the same arguments.

    radiographs, masks: (n, spec.height, spec.width) uint8. run: an existing folder that takes the
    checkpoint.
    Raises TrainingError where the folder has another run or, without resume, any, where the disk is
    full, and where the loss is no number any more.
    """
    epochs, seed = settings.epochs, settings.seed
    keras.utils.set_random_seed(seed)
    model = build_lung_field(spec.height, spec.width)
    steps = epochs * math.ceil(len(radiographs) / BATCH)
    rate = keras.optimizers.schedules.CosineDecay(FIRST_LEARNING_RATE, steps)
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer=optimizer, loss=_loss, jit_compile=False)
    optimizer.build(model.trainable_variables)
    for epoch in range(_finished(run, model, settings.identity, resume=settings.resume), epochs):
        losses = 0.0
        for places in _batches(len(radiographs), seed, epoch):
            images, targets = _changed(radiographs, masks, spec, places, seed=seed, epoch=epoch)
            loss = float(model.train_on_batch(images, targets))
            if not math.isfinite(loss):
                raise TrainingError(f"the loss is {loss} in epoch {epoch + 1}; try another --seed")
            losses += loss * len(places)
            settings.on_step(len(places))
        position = Position(identity=settings.identity, epochs=epoch + 1)
        save_checkpoint(run / CHECKPOINT, model, position)
        settings.on_epoch(epoch + 1, losses / len(radiographs))
    return model


def _finished(run: Path, model: keras.Model, identity: str, *, resume: bool) -> int:
    """Return how many epochs are behind the network, after loading its checkpoint."""
    checkpoint = run / CHECKPOINT
    if not checkpoint.exists():
        return 0
    found = read_position(checkpoint)
    if found.identity != identity:
        raise TrainingError(
            f"{checkpoint} belongs to another run (expected {identity}, found {found.identity}); "
            "name another --out, or repeat the first command's options"
        )
    if not resume:
        raise TrainingError(
            f"{run} has a run already, of {found.epochs} epoch(s); go on with --resume, or name "
            "another --out"
        )
    return load_checkpoint(checkpoint, model).epochs


def _batches(count: int, seed: int, epoch: int) -> list[NDArray[np.intp]]:
    order = np.random.default_rng((seed, epoch)).permutation(count)
    return [order[start : start + BATCH] for start in range(0, count, BATCH)]


def _changed(
    radiographs: Arrays,
    masks: Arrays,
    spec: LungFieldSpec,
    places: NDArray[np.intp],
    *,
    seed: int,
    epoch: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a batch as the network takes it, (n, height, width, 1) both, masks from 0 to 1."""
    pairs = [
        training_pair(radiographs[place], masks[place], image_random(seed, epoch, int(place)))
        for place in places
    ]
    images = np.stack([network_input(radiograph, spec) for radiograph, _ in pairs])
    targets = np.stack([mask for _, mask in pairs])[..., np.newaxis] / 255
    return images[..., np.newaxis], np.asarray(targets, np.float32)


def _loss(expected: Any, found: Any) -> Any:
    """Return the mean of 1 - Dice over the images, and of the cross-entropy over all places.

    Dice alone is blind to how sure the network is, cross-entropy to small lungs.
    """
    common = keras.ops.sum(expected * found, axis=(1, 2, 3))
    both = keras.ops.sum(expected + found, axis=(1, 2, 3))
    distance = 1 - (2 * common + 1) / (both + 1)
    entropy = keras.losses.binary_crossentropy(expected, found)
    return keras.ops.mean(distance) + keras.ops.mean(entropy)
