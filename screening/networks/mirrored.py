"""A network that is asked twice, about a radiograph and about its mirror image."""

from typing import Any

import keras


def with_mirror(model: keras.Model) -> keras.Model:
    """Return a network on the same weights whose probabilities are the mean of both answers.

    model: (batch, height, width, channels) to probabilities, (batch, classes), or to those and
    further outputs, which stay the radiograph's own. The heart changes sides; what a network makes
    of which side something lies on is mostly chance.
    """
    image = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
    own: Any = model(image)
    mirror: Any = model(keras.ops.flip(image, axis=2))
    if not isinstance(own, list | tuple):
        return keras.Model(image, (own + mirror) / 2, name=model.name)
    return keras.Model(image, [(own[0] + mirror[0]) / 2, *own[1:]], name=model.name)
