"""The network that finds the lungs, and the class that asks it; training and serving share both."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.imaging.network_input.lung_field import (
    Box,
    LungFieldSpec,
    NoLungField,
    find_lung_field,
    network_input,
    pixels_of,
)
from screening.imaging.network_input.preprocess import SHORTEST_SIDE_PIXELS
from screening.networks.compiled import compiled

FILTERS = (16, 32, 48, 64)
"""Of each step down and up; height and width are multiples of 2 to their number."""
BOTTOM_FILTERS = 96

_BATCH = 64


def build_lung_field(height: int = 128, width: int = 128) -> keras.Model:
    """Build the network with fresh weights.

    Input (batch, height, width, 1) float32 from `network_input`; height and width are multiples of
    16. Output (batch, height, width, 1) float32 probabilities of lung. 496,545 parameters, 1,664 of
    them not trainable. Layer names are the same for every build.
    Source: Ronneberger et al. 2015, U-Net: Convolutional Networks for Biomedical Image
    Segmentation, section 2; narrower, with batch normalisation and padded convolutions.
    """
    image = keras.Input((height, width, 1), name="image")
    x = image
    skipped = []
    for step, filters in enumerate(FILTERS, 1):
        x = _block(x, filters, f"down{step}")
        skipped.append(x)
        x = keras.layers.MaxPooling2D(2, name=f"pool{step}")(x)
    x = _block(x, BOTTOM_FILTERS, "bottom")
    for step, filters in reversed(list(enumerate(FILTERS, 1))):
        x = keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"up{step}_resize")(x)
        x = keras.layers.Concatenate(name=f"up{step}_join")([x, skipped[step - 1]])
        x = _block(x, filters, f"up{step}")
    lung = keras.layers.Conv2D(1, 1, activation="sigmoid", name="lung")(x)
    return keras.Model(image, lung, name="lung_field")


def _block(x: Any, filters: int, name: str) -> Any:
    for number in (1, 2):
        x = keras.layers.Conv2D(
            filters, 3, padding="same", use_bias=False, name=f"{name}_convolution{number}"
        )(x)
        # Few steps of small batches: the default of 0.99 would lag behind.
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_normalisation{number}")(x)
        x = keras.layers.ReLU(name=f"{name}_relu{number}")(x)
    return x


class LungFieldFinder:
    """Finds the box around the lungs; safe in any thread."""

    def __init__(self, model: keras.Model, spec: LungFieldSpec) -> None:
        """Compile the network. model: from `build_lung_field` at the size that `spec` has.

        It runs on the CPU: training and every station find the same box, and the GPU is left to the
        ensemble.
        """
        self.spec = spec
        self._forward = compiled(model, on_processor=True)

    def box(self, image: NDArray[np.uint8]) -> Box | None:
        """Return the box of one (rows, columns) uint8 image, None without a plausible one."""
        return self.boxes([image])[0]

    def boxes(self, images: Sequence[NDArray[np.uint8]]) -> list[Box | None]:
        """Return the boxes of images of any sizes, in order."""
        return [found if isinstance(found, Box) else None for found in self.find(images)]

    def find(self, images: Sequence[NDArray[np.uint8]]) -> list[Box | NoLungField]:
        """Return the box of each image, or what was found in place of a lung field.

        A box whose crop `preprocess` would not take, since a side is shorter than 64 pixels, is no
        lung field either.
        """
        maps = self.probabilities(images)
        return [self._found(each, map_) for each, map_ in zip(images, maps, strict=True)]

    def probabilities(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return (images, spec.height, spec.width) float32 probabilities of lung."""
        maps = np.empty((len(images), self.spec.height, self.spec.width), np.float32)
        for start in range(0, len(images), _BATCH):
            part = slice(start, start + _BATCH)
            inputs = [network_input(image, self.spec) for image in images[part]]
            [lung] = self._forward(np.stack(inputs)[..., np.newaxis])
            maps[part] = lung[..., 0]
        return maps

    def _found(
        self, image: NDArray[np.uint8], probabilities: NDArray[np.float32]
    ) -> Box | NoLungField:
        found = find_lung_field(probabilities, self.spec)
        if isinstance(found, NoLungField):
            return found
        rows, columns = image[pixels_of(found, image.shape)].shape
        if min(rows, columns) < SHORTEST_SIDE_PIXELS:
            return NoLungField(
                f"lung field of {rows} x {columns} pixels, sides of at least "
                f"{SHORTEST_SIDE_PIXELS} expected"
            )
        return found
