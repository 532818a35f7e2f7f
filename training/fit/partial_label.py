"""Loss and accuracy of images whose label allows several classes.

Source: Jin and Ghahramani 2002, Learning with Multiple Labels, section 2, with the labels' weights
left to the network.
"""

from typing import Any

import keras

_SMALLEST = 1e-7


def partial_label_loss(allowed: Any, probabilities: Any) -> Any:
    """Return -log of the allowed classes' probability together, (batch,).

    allowed: (batch, classes), 1 for a class that the label allows, else 0; probabilities: likewise.
    """
    together = keras.ops.sum(keras.ops.cast(allowed, probabilities.dtype) * probabilities, axis=-1)
    return -keras.ops.log(keras.ops.clip(together, _SMALLEST, 1.0))


def allowed_accuracy(allowed: Any, probabilities: Any) -> Any:
    """Return 1 where the most probable class is an allowed one, else 0, (batch,)."""
    predicted = keras.ops.argmax(probabilities, axis=-1)
    chosen = keras.ops.one_hot(predicted, probabilities.shape[-1], dtype="float32")
    return keras.ops.sum(chosen * keras.ops.cast(allowed, "float32"), axis=-1)
