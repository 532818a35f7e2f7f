"""A network that runs out of memory as a device does, for batches that a test finds too large."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from screening.bundles.manifest import Member
from screening.ensemble.input_views import PreparedInput
from screening.ensemble.members import EnsembleMember


@keras.saving.register_keras_serializable("tests")
class Hungry(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
    """Passes pictures on; a batch of more than `most` is a ResourceExhaustedError in the graph.

    TensorFlow makes one of a MemoryError in a Python function. Its own allocators wait ten seconds
    before they give up, which is too slow here. tried: the sizes of the batches that came.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.tried: list[int] = []

    def call(self, images: Any) -> Any:
        """Return (batch, height, width, 3) pictures as they came."""
        # By name at each call: a test may give it another appetite once the graph is made.
        passed = tf.numpy_function(lambda given: self._pass(given), [images], tf.float32)  # noqa: PLW0108
        return tf.ensure_shape(passed, images.shape)

    def _pass(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        self.tried.append(len(images))
        if len(images) > self.most:
            raise MemoryError
        return images


def hungry_member(described: Member, most: int) -> tuple[EnsembleMember, Hungry]:
    """Return a member whose probabilities are its pictures' means by channel, and its appetite."""
    hungry = Hungry(most)
    image = keras.Input((described.input.height, described.input.width, 3))
    means = keras.layers.GlobalAveragePooling2D()(hungry(image))
    return EnsembleMember(described, keras.Model(image, means)), hungry


def prepared(described: Member, probabilities: tuple[float, float, float]) -> PreparedInput:
    """Return the input to which such a member answers these probabilities."""
    shape = (described.input.height, described.input.width, 3)
    return PreparedInput((np.broadcast_to(np.float32(probabilities), shape),))
