"""Whole float32, or bfloat16 arithmetic over float32 weights."""

from typing import Any

import keras

from training.runs.request import Precision


def with_precision(model: keras.Model, precision: Precision) -> keras.Model:
    """Return the network in this precision, with its weights.

    The last layer stays float32: bfloat16 knows no number between 0.996 and 1, which is where the
    probabilities of a trained network are.
    """
    if precision is Precision.FLOAT32:
        return model

    def recast(layer: keras.layers.Layer) -> keras.layers.Layer:
        config: dict[str, Any] = layer.get_config()
        if layer.name != "probabilities" and not isinstance(layer, keras.layers.InputLayer):
            config["dtype"] = precision.value
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=recast)
    copy.set_weights(model.get_weights())
    return copy
