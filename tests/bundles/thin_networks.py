"""Thin networks for tests of what surrounds them: kills, outages, messages, rows.

The real ones take seconds to build and trace at each start of a station, and a tenth of a second of
processor time for each small image. These have the same classes and store layers of the same kinds.
A batch lasts about as long, so that a fault can still come in its midst, but it waits instead of
computing. Importing this module loads TensorFlow.
"""

import time
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from screening.networks import architectures
from screening.networks.architectures import Architecture

SIDE_PIXELS = 96
FILTERS = (8, 16)
WAIT_S = 0.1
"""For each image and network: work must come faster, or a batch is a single image."""


class _Waiting(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
    def call(self, images: Any) -> Any:
        """Return (batch, height, width, 3) images as they came, later."""
        passed = tf.numpy_function(_wait, [images], tf.float32, stateful=True)
        return tf.ensure_shape(passed, images.shape)


def _wait(images: NDArray[np.float32]) -> NDArray[np.float32]:
    time.sleep(WAIT_S * len(images))
    return images


def build_thin(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build two convolutions with batch normalisation and a softmax."""
    image = keras.Input(input_shape, name="image")
    x = _Waiting(name="waiting")(image)
    for number, filters in enumerate(FILTERS, 1):
        x = keras.layers.Conv2D(filters, 3, strides=4, use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(name=f"conv{number}_bn")(x)
        x = keras.layers.Activation("relu", name=f"conv{number}_relu")(x)
    x = keras.layers.GlobalAveragePooling2D(name="averaged")(x)
    x = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, x, name="thin")


THIN_ARCHITECTURES = {
    f"thin-{name}": Architecture(build_thin, SIDE_PIXELS, SIDE_PIXELS, real.classes, 0, "a test")
    for name, real in architectures.ARCHITECTURES.items()
}


def add_thin_networks() -> None:
    """Let bundles of this process name the thin networks, too; the real ones stay as they are."""
    cast("dict[str, Any]", architectures.ARCHITECTURES).update(THIN_ARCHITECTURES)
