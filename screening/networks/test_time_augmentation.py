"""Test-time augmentation: the mean of a network's probabilities over several views of an image.

Source: Krizhevsky, Sutskever and Hinton 2012, ImageNet Classification with Deep Convolutional
Neural Networks, section 4.1 (mean over crops and mirror images).
"""

from collections.abc import Mapping
from typing import Any

import keras

OWN, MIDDLE, MIRRORED, MIRRORED_MIDDLE = "as it is", "middle", "mirrored", "mirrored middle"
"""Names of the views."""


def augmented_views(
    images: Any, *, mirrored: bool = False, inner: float | None = None
) -> Mapping[str, Any]:
    """Return every view of (batch, height, width, channels) images, as they are first, by name.

    mirrored, inner: as for `with_test_time_augmentation`.
    """
    views = {OWN: images}
    if inner is not None:
        views[MIDDLE] = _enlarged_middle(images, inner)
    if mirrored:
        names = {OWN: MIRRORED, MIDDLE: MIRRORED_MIDDLE}
        views |= {names[name]: keras.ops.flip(view, axis=2) for name, view in views.items()}
    return views


def with_test_time_augmentation(
    model: keras.Model, *, mirrored: bool = False, inner: float | None = None
) -> keras.Model:
    """Return a network on the same weights whose probabilities are the mean over all views.

    model: (batch, height, width, channels) to probabilities, (batch, classes), or to those and
    further outputs, which stay the radiograph's own. mirrored: the mirror images are views, too:
    the heart changes sides; what a network makes of which side something lies on is mostly chance.
    inner: so is the middle of the radiograph, this fraction of height and width, enlarged: how far
    the lungs' box reaches is chance, too. Without either the network itself is returned.
    """
    if not mirrored and inner is None:
        return model
    image = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
    views = list(augmented_views(image, mirrored=mirrored, inner=inner).values())
    # One call with all views, since each call would add the whole network to the graph once more.
    outputs: Any = model(keras.ops.concatenate(views, axis=0))
    probabilities, *further = outputs if isinstance(outputs, list | tuple) else [outputs]
    mean = keras.ops.mean(_by_view(probabilities, len(views)), axis=0)
    own = [_by_view(output, len(views))[0] for output in further]
    return keras.Model(image, [mean, *own] if own else mean, name=model.name)


def _enlarged_middle(image: Any, fraction: float) -> Any:
    height, width = image.shape[1:3]
    top, left = (round(side * (1 - fraction) / 2) for side in (height, width))
    middle = image[:, top : height - top, left : width - left]
    return keras.ops.image.resize(
        middle, (height, width), interpolation="bilinear", data_format="channels_last"
    )


def _by_view(outputs: Any, views: int) -> Any:
    """Return (views, batch, ...) of (views x batch, ...)."""
    return keras.ops.reshape(outputs, (views, -1, *outputs.shape[1:]))
