"""Networks whose convolutions stay as they were loaded: soares2020 and amini2021.

The builders freeze nothing: `training.networks.freezing` does, once the weights are there.
"""

from collections.abc import Callable

import keras

from screening.networks.layer_names import with_stable_names

HIDDEN_UNITS = 256
"""Neither paper gives the width of its hidden layer; CoroNet's is taken."""


def build_soares_vgg16(
    input_shape: tuple[int, int, int] = (237, 237, 3), classes: int = 3
) -> keras.Model:
    """Build VGG-16 with a new head, fresh weights.

    Input (batch, *input_shape) float32; a side is at least 32 pixels. Output (batch, classes)
    float32 probabilities adding up to 1. VGG-16 flattens its features before its dense layers.
    Source: soares2020 section 3.
    """
    return _soares(keras.applications.VGG16, "soares_vgg16", input_shape, classes)


def build_soares_xception(
    input_shape: tuple[int, int, int] = (237, 237, 3), classes: int = 3
) -> keras.Model:
    """Build Xception with a new head; see `build_soares_vgg16`. A side is at least 71 pixels.

    Xception averages its features before its dense layers.
    """
    return _soares(keras.applications.Xception, "soares_xception", input_shape, classes)


def build_soares_resnet50(
    input_shape: tuple[int, int, int] = (237, 237, 3), classes: int = 3
) -> keras.Model:
    """Build ResNet50 with a new head; see `build_soares_vgg16`. It averages its features, too."""
    return _soares(keras.applications.ResNet50, "soares_resnet50", input_shape, classes)


def build_amini_vgg19(
    input_shape: tuple[int, int, int] = (224, 224, 3), classes: int = 1
) -> keras.Model:
    """Build VGG-19 with two dense layers and a sigmoid, fresh weights.

    Input (batch, *input_shape) float32; a side is at least 32 pixels. Output (batch, classes)
    float32: with 1 class the probability of COVID-19.
    Source: amini2021, neural network structure and figure 1.
    """
    image = keras.Input(input_shape, name="image")
    features = keras.applications.VGG19(
        include_top=False, weights=None, input_tensor=image, name="vgg19"
    ).output
    x = keras.layers.Flatten(name="flattened")(features)
    x = keras.layers.Dense(HIDDEN_UNITS, activation="relu", name="hidden")(x)
    probability = keras.layers.Dense(classes, activation="sigmoid", name="probabilities")(x)
    return with_stable_names(keras.Model(image, probability, name="amini_vgg19"))


def _soares(
    backbone: Callable[..., keras.Model], name: str, input_shape: tuple[int, int, int], classes: int
) -> keras.Model:
    image = keras.Input(input_shape, name="image")
    features = backbone(include_top=False, weights=None, input_tensor=image).output
    if backbone is keras.applications.VGG16:
        x = keras.layers.Flatten(name="flattened")(features)
    else:
        x = keras.layers.GlobalAveragePooling2D(name="averaged")(features)
    x = keras.layers.Dense(HIDDEN_UNITS, activation="relu", name="hidden")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    probabilities = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return with_stable_names(keras.Model(image, probabilities, name=name))
