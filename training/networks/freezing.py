"""Which layers learn, and a network with another number of classes on the same body."""

from collections.abc import Iterable
from typing import Any

import keras

FRESH_MOMENTUM = 0.9
HEAD_LAYERS = frozenset({"fused_features", "hidden", "probabilities"})
"""Layers with weights that follow the backbones, in every network of this project."""


def freeze_convolutions(model: keras.Model, fresh: Iterable[str] = ()) -> None:
    """Let only the head learn, and the layers named in `fresh`, whose weights are random yet.

    A frozen batch normalisation uses its stored statistics and keeps them.
    """
    learning = HEAD_LAYERS | set(fresh)
    for layer in model.layers:
        layer.trainable = layer.name in learning


def freeze_named(model: keras.Model, beginnings: tuple[str, ...]) -> None:
    """Freeze the layers whose names begin so."""
    for layer in model.layers:
        if beginnings and layer.name.startswith(beginnings):
            layer.trainable = False


def freeze_statistics(model: keras.Model, fresh: Iterable[str] = ()) -> None:
    """Freeze the batch normalisations but those named in `fresh`, whose statistics mean nothing.

    Those forget faster than by Keras's default of 0.99, after which a short training is judged by
    statistics of weights that it has long left.
    """
    learning = set(fresh)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = layer.trainable and layer.name in learning
            layer.momentum = FRESH_MOMENTUM


def with_new_head(model: keras.Model, classes: int) -> keras.Model:
    """Return a copy of a network with `classes` outputs: the last layer is fresh, all else kept.

    Source: khan2020, implementation: the 3-class and binary CoroNet are modifications of the
    4-class one.
    """

    def resized(layer: keras.layers.Layer) -> keras.layers.Layer:
        config: dict[str, Any] = layer.get_config()
        if layer.name == "probabilities":
            config["units"] = classes
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=resized)
    for layer in model.layers:
        if layer.name != "probabilities":
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    return copy
