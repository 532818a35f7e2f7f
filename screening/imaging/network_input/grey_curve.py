"""A hospital's grey-level curve: a level becomes that of the same rank in the training's images.

Detectors and processing give each hospital grey levels of its own, and networks that never saw
them answer worse. One curve for all images of a hospital takes that away, and keeps what differs
between its images: that is what the networks need. The quantiles of each image are kept with its
result, so that a curve is drawn without reading an image again.
Source: Nyul, Udupa and Zhang 2000, IEEE Transactions on Medical Imaging 19:143 (one monotone curve
through quantiles, for images of one scanner); Gonzalez and Woods 2018, section 3.3.2 (histogram
matching).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GREY_LEVELS = 256
STEPS_OF_AN_IMAGE = 32
"""An image's levels are kept as their quantiles at 0, 1/32, ... 1."""
STEPS_OF_THE_TRAINING = 64
_DIGITS = 1

Levels = Sequence[float]
"""Ascending quantiles, evenly spread from 0 to 1, each 0, black, to 255, white."""


def level_quantiles(grey: NDArray[np.floating]) -> tuple[float, ...]:
    """Return the quantiles of a (rows, columns) image, 0 = black to 255 = white."""
    found = np.quantile(grey, np.linspace(0, 1, STEPS_OF_AN_IMAGE + 1))
    return tuple(round(float(level), _DIGITS) for level in found)


def pooled_ranks(images: Sequence[Levels]) -> NDArray[np.float64]:
    """Return the rank of each level among the pixels of images that count alike.

    images: the quantiles of one or more. Returns (256,), 0 to 1: the share of pixels that are
    darker, and half of those of this level.
    """
    edges = np.arange(GREY_LEVELS + 1) - 0.5
    darker = np.mean(
        [np.interp(edges, own, np.linspace(0, 1, len(own)), left=0, right=1) for own in images],
        axis=0,
    )
    ranks: NDArray[np.float64] = (darker[:-1] + darker[1:]) / 2
    return ranks


def training_quantiles(images: Sequence[Levels]) -> tuple[float, ...]:
    """Return the quantiles of the pixels of all images together, as a bundle keeps them."""
    places = np.linspace(0, 1, STEPS_OF_THE_TRAINING + 1)
    found = np.interp(places, pooled_ranks(images), np.arange(GREY_LEVELS))
    return tuple(round(float(level), _DIGITS) for level in found)


def grey_curve(site: Sequence[Levels], training: Levels) -> tuple[int, ...]:
    """Return what each of the 256 levels of a hospital becomes; it never falls.

    site: the quantiles of its images, one or more; training: of the training's.
    """
    found = np.interp(pooled_ranks(site), np.linspace(0, 1, len(training)), training)
    return tuple(int(level) for level in np.rint(found))


def with_curve(image: NDArray[np.uint8], curve: Sequence[int]) -> NDArray[np.uint8]:
    """Return a (rows, columns) uint8 image with its levels as a curve of 256 says."""
    mapped: NDArray[np.uint8] = np.array(curve, dtype=np.uint8)[image]
    return mapped
