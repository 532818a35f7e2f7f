"""Gives a picture the black and the white of another one, from any source.

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
    """An `Augment`. levels: (pictures, 2) from `black_and_white`; chance: of each picture.

    A chance below 1 leaves pictures as they were rendered among the others, so that a network does
    not lose what it knows of those.
    """

    levels: NDArray[np.float32]
    chance: float

    def __call__(
        self, picture: NDArray[np.uint8], random: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return a changed copy; the same generator state gives the same copy."""
        if random.random() >= self.chance:
            return picture
        black, white = levels_of(picture)
        wanted_black, wanted_white = self.levels[random.integers(len(self.levels))]
        shares = (picture - black) / max(white - black, 1.0)
        changed = wanted_black + shares * (wanted_white - wanted_black)
        return np.asarray(np.rint(np.clip(changed, 0, 255)), np.uint8)


def levels_of(picture: NDArray[np.number]) -> NDArray[np.float32]:
    """Return what is black in a picture and what is white, in its own grey levels."""
    levels = np.percentile(picture, (BLACK_PERCENTILE, WHITE_PERCENTILE))
    return np.asarray(levels, np.float32)


def black_and_white(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return each picture's grey levels that 1 % and 99 % of it are darker than, (pictures, 2).

    pictures: (pictures, rows, columns), 0 = black to 255 = white.
    """
    return np.stack([levels_of(picture) for picture in pictures])
