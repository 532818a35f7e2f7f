"""The concatenated network of rahimzadeh2020: Xception and ResNet50V2 side by side."""

import keras

from screening.networks.layer_names import with_stable_names


def build_concatenated(
    input_shape: tuple[int, int, int] = (300, 300, 3), classes: int = 3
) -> keras.Model:
    """Build the network with fresh weights; every layer is trainable.

    Input (batch, *input_shape) float32, 0 to 1 in the paper; a side is at least 71 pixels.
    Output (batch, classes) float32 probabilities adding up to 1. 48,928,811 parameters at the
    default size. Layer names are the same for every build.
    Source: rahimzadeh2020 section 2.1 and figure 1: 1 x 1 convolution with 1024 filters and no
    activation, dropout 0.5, softmax; the initialiser of the last layer is in the authors' code.
    """
    image = keras.Input(input_shape, name="image")
    xception = keras.applications.Xception(include_top=False, weights=None, input_tensor=image)
    resnet = keras.applications.ResNet50V2(include_top=False, weights=None, input_tensor=image)
    x = keras.layers.Concatenate(name="concatenated_features")([xception.output, resnet.output])
    x = keras.layers.Conv2D(1024, 1, padding="same", name="fused_features")(x)
    x = keras.layers.Flatten(name="flattened")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    probabilities = keras.layers.Dense(
        classes,
        activation="softmax",
        kernel_initializer=keras.initializers.RandomNormal(0.0, 0.001),
        name="probabilities",
    )(x)
    return with_stable_names(keras.Model(image, probabilities, name="concatenated"))
