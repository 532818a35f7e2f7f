"""A network cut in two below one of Xception's blocks."""

from typing import Any

import keras

from training.errors import TrainingError

FIRST, LAST = 5, 13
"""The blocks below which a network can be cut; block 4 ends the entry flow."""


def below(model: keras.Model, block: int) -> keras.Model:
    """Return the network up to a block, counted from 1, on the same weights.

    Raises TrainingError where the network has no such block.
    """
    return keras.Model(model.input, _cut(model, block), name=f"{model.name}_lower")


def above(model: keras.Model, block: int) -> keras.Model:
    """Return the network from a block on; it takes what `below` gives.

    Raises TrainingError where the network has no such block, or more than Xception takes the image.
    """
    try:
        return keras.Model(_cut(model, block), model.output, name=f"{model.name}_upper")
    except ValueError:  # Keras: the image reaches the outputs another way, too
        raise TrainingError(
            f"expected a network with Xception alone to cache the features below block {block}, "
            f"found {model.name}; leave out --cache-below"
        ) from None


def _cut(model: keras.Model, block: int) -> Any:
    name = f"block{block}_sepconv1_act"
    layers = {layer.name: layer for layer in model.layers}
    if not FIRST <= block <= LAST or name not in layers:
        raise TrainingError(
            f"expected one of Xception's blocks {FIRST} to {LAST} in {model.name} to keep the "
            f"scores below, found block {block}; correct --cache-below"
        )
    return layers[name].input
