"""The grey levels a network sees: as they were rendered, or equalised."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

_GREY_LEVELS = 256


class Contrast(StrEnum):
    """What is done to the grey levels of a resized image."""

    AS_RENDERED = "as_rendered"
    EQUALISED = "equalised"
    """See `equalised`: no detector's or archive's characteristic curve is left."""


def equalised(grey: NDArray[np.floating | np.uint8]) -> NDArray[np.uint8]:
    """Return each grey level's rank: what share of the image is darker.

    grey: (rows, columns), 0 = black to 255 = white; counted as whole levels. A level becomes 255
    times the share of pixels below it and half of those at it, rounded to (rows, columns) uint8, so
    that an image of one level becomes mid-grey and an inverted image the inverse.
    Source: Gonzalez and Woods 2018, Digital Image Processing, section 3.3 (histogram equalisation).
    """
    levels = np.rint(np.clip(grey, 0, _GREY_LEVELS - 1)).astype(np.uint8)
    counts = np.bincount(levels.ravel(), minlength=_GREY_LEVELS)
    shares = (np.cumsum(counts) - counts / 2) / levels.size
    ranks: NDArray[np.uint8] = np.rint(shares * (_GREY_LEVELS - 1)).astype(np.uint8)
    seen: NDArray[np.uint8] = ranks[levels]
    return seen
