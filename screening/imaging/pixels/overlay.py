"""Draws a map over a radiograph."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_COLOUR = 0.6
"""Share of colour where the map is 1; the radiograph shows through."""
COLOURS = np.array(
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], np.float32
)
"""Viridis at 0, 0.25 ... 1: rises in lightness, and tells apart for the colour-blind."""


def overlay(image: NDArray[np.uint8], found: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour a radiograph by a map: not at all where the map is 0.

    image: (rows, columns) uint8, 0 = black; found: (height, width) float32, 0 to 1, of any size:
    it is stretched to the image, as the image was to the network's input.
    Returns (rows, columns, 3) uint8 RGB.
    """
    rows, columns = image.shape
    stretched = Image.fromarray(found).resize((columns, rows), Image.Resampling.BILINEAR)
    strength = np.clip(np.asarray(stretched, dtype=np.float32), 0, 1)
    stops = np.linspace(0, 1, len(COLOURS))
    colour = np.stack([np.interp(strength, stops, channel) for channel in COLOURS.T], axis=-1)
    share = MOST_COLOUR * strength[..., np.newaxis]
    blended = (1 - share) * image[..., np.newaxis] + share * colour
    return np.asarray(np.rint(blended), np.uint8)
