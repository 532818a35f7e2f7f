"""The two networks that rahimzadeh2020 compares its concatenated one with."""

from collections.abc import Callable

import keras

from screening.networks.layer_names import with_stable_names


def build_xception(
    input_shape: tuple[int, int, int] = (300, 300, 3), classes: int = 3
) -> keras.Model:
    """Build Xception alone with fresh weights; every layer is trainable.

    Input (batch, *input_shape) float32, 0 to 1 in the paper; a side is at least 71 pixels.
    Output (batch, classes) float32 probabilities adding up to 1.
    Source: rahimzadeh2020 section 2.3 and table 2; the head is the concatenated network's.
    """
    return _with_head(keras.applications.Xception, "xception", input_shape, classes)


def build_resnet50v2(
    input_shape: tuple[int, int, int] = (300, 300, 3), classes: int = 3
) -> keras.Model:
    """Build ResNet50V2 alone with fresh weights; every layer is trainable.

    Input and output are those of `build_xception`; a side is at least 32 pixels.
    Source: rahimzadeh2020 section 2.3 and table 2.
    """
    return _with_head(keras.applications.ResNet50V2, "resnet50v2", input_shape, classes)


def _with_head(
    backbone: Callable[..., keras.Model], name: str, input_shape: tuple[int, int, int], classes: int
) -> keras.Model:
    image = keras.Input(input_shape, name="image")
    features = backbone(include_top=False, weights=None, input_tensor=image).output
    x = keras.layers.Flatten(name="flattened")(features)
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    probabilities = keras.layers.Dense(
        classes,
        activation="softmax",
        kernel_initializer=keras.initializers.RandomNormal(0.0, 0.001),
        name="probabilities",
    )(x)
    return with_stable_names(keras.Model(image, probabilities, name=name))
