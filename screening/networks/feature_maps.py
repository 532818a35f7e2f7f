"""Finds a network's last feature map, and gives a layer's features beside the probabilities."""

import keras

from screening.errors import BundleError

_POOLING = (
    keras.layers.AveragePooling2D,
    keras.layers.MaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
)
_MAP_DIMENSIONS = 4


def last_feature_map(model: keras.Model) -> str:
    """Return the name of the layer whose output is the last convolutional feature map.

    It is the last layer, in the order of the functional graph, with an output of
    (batch, height, width, channels) that does not pool: pooling only coarsens the map before it.
    The concatenated network's is its 1 x 1 convolution, after both backbones; Xception's, ResNet's
    and CoroNet's is the last activation; VGG's the last convolution.
    Raises ValueError where the network has no such layer.
    """
    for layer in reversed(model.layers):
        is_image = isinstance(layer, keras.layers.InputLayer)
        if not is_image and not isinstance(layer, _POOLING) and _is_map(layer):
            return str(layer.name)
    raise ValueError(
        f"network {model.name}: expected a layer that gives (batch, height, width, channels), "
        "found none; only convolutional networks have feature maps"
    )


def with_features(model: keras.Model, layer_name: str) -> keras.Model:
    """Return a network on the same weights with a second output, the features of one layer.

    Outputs: the probabilities, (batch, classes), and (batch, features) float32: a feature map's
    means over height and width, or the output of a dense layer as it is.
    Raises BundleError where the network has no such layer, or it gives anything else.
    """
    layer = next((layer for layer in model.layers if layer.name == layer_name), None)
    if layer is None:
        raise BundleError(
            f"network {model.name}: expected a layer named {layer_name}, found none; "
            "name one whose features the statistics were made of"
        )
    features = layer.output
    if _is_map(layer):
        features = keras.layers.GlobalAveragePooling2D(dtype="float32")(features)
    elif len(features.shape) != 2:  # noqa: PLR2004  (batch, features)
        raise BundleError(
            f"network {model.name}, layer {layer_name}: expected (batch, height, width, channels) "
            f"or (batch, features), found {features.shape}; name another layer"
        )
    return keras.Model(model.input, [model.output, features], name=model.name)


def _is_map(layer: keras.layers.Layer) -> bool:
    return len(layer.output.shape) == _MAP_DIMENSIONS
