"""Colour to grey."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114])
"""Of red, green and blue. Source: ITU-R BT.601."""


def luma(rgb: NDArray[np.integer[Any]], *, bits: int) -> NDArray[np.uint8]:
    """Return (rows, columns) uint8 from (rows, columns, 3) RGB of 0 to 2**bits - 1."""
    grey = rgb[..., :3] @ (LUMA_WEIGHTS * 255.0 / (2**bits - 1))
    return np.asarray(np.clip(np.rint(grey), 0, 255), dtype=np.uint8)
