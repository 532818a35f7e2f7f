"""Gives an image the black and the white of another one, from any source.

How black the darkest part of a radiograph is rendered, and how white the brightest, depends on
detector, processing and archive, so it tells the hospital; after an exchange it tells nothing of
the class. What lies between them, which the disease changes, keeps its place between them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLACK_PERCENTILE, WHITE_PERCENTILE = 1, 99


@dataclass(frozen=True, slots=True)
class LevelExchange:
    """An `Augment`. levels: (images, 2) from `black_and_white`; chance: of each image.

    A chance below 1 leaves images as they were rendered among the others, so that a network does
    not lose what it knows of those.
    """

    levels: NDArray[np.float32]
    chance: float

    def __call__(self, image: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
        """Return a changed copy; the same generator state gives the same copy."""
        if random.random() >= self.chance:
            return image
        black, white = levels_of(image)
        wanted_black, wanted_white = self.levels[random.integers(len(self.levels))]
        shares = (image - black) / max(white - black, 1.0)
        changed = wanted_black + shares * (wanted_white - wanted_black)
        return np.asarray(np.rint(np.clip(changed, 0, 255)), np.uint8)


def levels_of(image: NDArray[np.number]) -> NDArray[np.float32]:
    """Return what is black in an image and what is white, in its own grey levels."""
    levels = np.percentile(image, (BLACK_PERCENTILE, WHITE_PERCENTILE))
    return np.asarray(levels, np.float32)


def black_and_white(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return each image's grey levels that 1 % and 99 % of it are darker than, (images, 2).

    images: (images, rows, columns), 0 = black to 255 = white.
    """
    return np.stack([levels_of(image) for image in images])
