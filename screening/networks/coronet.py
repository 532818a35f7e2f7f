"""CoroNet of khan2020: Xception and two dense layers."""

import keras

from screening.networks.layer_names import with_stable_names


def build_coronet(
    input_shape: tuple[int, int, int] = (150, 150, 3), classes: int = 4
) -> keras.Model:
    """Build the network with fresh weights; every layer is trainable.

    Input (batch, *input_shape) float32; a side is at least 71 pixels. Output (batch, classes)
    float32 probabilities adding up to 1. 33,969,964 parameters at the default size and 4 classes,
    54,528 of them not trainable. Layer names are the same for every build.
    Source: khan2020 table II. The text says 224 x 224, but the table's 5 x 5 x 2048 and its
    parameter counts hold only for 150 x 150, which the authors' code uses too.
    """
    image = keras.Input(input_shape, name="image")
    xception = keras.applications.Xception(include_top=False, weights=None, input_tensor=image)
    x = keras.layers.Flatten(name="flattened")(xception.output)
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    x = keras.layers.Dense(256, activation="relu", name="hidden")(x)
    probabilities = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return with_stable_names(keras.Model(image, probabilities, name="coronet"))
