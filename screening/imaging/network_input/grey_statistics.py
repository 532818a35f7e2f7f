"""What the grey levels of an image say of the detector and the processing, and little of disease.

How black the darkest part of a radiograph is rendered, how white the brightest, and how much fine
detail it holds depend on detector, processing, reduction and compression: a hospital, or a new
device in it, shows in them.
Source: Zech et al. 2018, PLOS Medicine 15:e1002683 (networks that tell the hospital).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLACK_PERCENTILE, WHITE_PERCENTILE = 1, 99
_LEAST_RANGE = 1.0


@dataclass(frozen=True, slots=True)
class GreyStatistics:
    """Of one image, in grey levels from 0, black, to 255, white."""

    black_level: float
    """1 % of the image is darker."""
    median_level: float
    white_level: float
    """1 % of the image is brighter."""
    detail: float
    """Standard deviation of the difference between each pixel and the mean of its four neighbours,
    as a fraction of the range from the black level to the white level."""


def grey_statistics(image: NDArray[np.floating]) -> GreyStatistics:
    """Return the statistics of a (rows, columns) image of at least 3 x 3, 0 = black to 255 = white.

    Images are compared at one size only: `detail` depends on it.
    """
    levels = np.percentile(image, (BLACK_PERCENTILE, 50, WHITE_PERCENTILE))
    black, median, white = (float(level) for level in levels)
    neighbours = image[:-2, 1:-1] + image[2:, 1:-1] + image[1:-1, :-2] + image[1:-1, 2:]
    difference = image[1:-1, 1:-1] - neighbours / 4
    detail = float(difference.std(dtype=np.float64)) / max(white - black, _LEAST_RANGE)
    return GreyStatistics(black, median, white, detail)
