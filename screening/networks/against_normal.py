"""Probabilities in which COVID-19 counts for what sets it against normal lungs.

At hospitals that a network never saw, the probability of COVID-19 alone orders COVID-19 against
normals worse than what the network says of both together (docs/experiments/detail.md).
"""

from collections.abc import Sequence
from typing import Any

import keras

from screening.domain.scores import CLASS_OF_MEMBER_CLASS, Class

_SMALLEST = 1e-7


def with_against_normal(model: keras.Model, classes: Sequence[str], share: float) -> keras.Model:
    """Return a network on the same weights whose logarithm of COVID-19 is less a share of normal's.

    model: images to probabilities, (batch, classes), or to those and further outputs, which stay.
    share: 0 to 1; with 0 the network itself is returned. The result is normalised again: it is the
    softmax of matrix scaling whose matrix has ones and this one other number.
    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2 (matrix scaling);
    Kull et al. 2019, Beyond temperature scaling (of logarithms of probabilities).
    """
    if not share:
        return model
    of_class = [CLASS_OF_MEMBER_CLASS[name] for name in classes]
    matrix = [
        [
            (1.0 if row == column else 0.0)
            - (share if one is Class.NORMAL and other is Class.COVID19 else 0.0)
            for column, other in enumerate(of_class)
        ]
        for row, one in enumerate(of_class)
    ]
    outputs: Any = model.output
    probabilities, *further = outputs if isinstance(outputs, list | tuple) else [outputs]
    logarithms = keras.ops.log(keras.ops.maximum(probabilities, _SMALLEST))
    scaled = keras.ops.softmax(keras.ops.matmul(logarithms, keras.ops.array(matrix)))
    return keras.Model(model.input, [scaled, *further] if further else scaled, name=model.name)
