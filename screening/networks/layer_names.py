"""Layer names that do not depend on what the process built before.

Weight files are keyed by layer name, and Keras counts unnamed layers per process: the second
Xception of a process has conv2d_4 where the first has conv2d.
"""

import re
from collections import Counter

import keras

_SNAKE_CASE_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def with_stable_names(model: keras.Model) -> keras.Model:
    """Return a functional model with the same layers, whose automatic names count from 1.

    Layers with a name of their own keep it; the others are renamed, numbered by class within the
    model (conv2d_1, conv2d_2, ...), as the published ImageNet weights of Xception are keyed.
    """
    seen: Counter[str] = Counter()
    for layer in model.layers:
        kind = _automatic_name(layer)
        if re.fullmatch(rf"{kind}(_\d+)?", layer.name):
            seen[kind] += 1
            layer.name = f"{kind}_{seen[kind]}"
    return keras.Model(model.input, model.output, name=model.name)


def _automatic_name(layer: keras.layers.Layer) -> str:
    name = type(layer).__name__.replace("2D", "2d")
    return _SNAKE_CASE_BOUNDARY.sub("_", name).lower()
