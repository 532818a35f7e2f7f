"""Draws images two by two, of two classes, and of one hospital where it has two.

Within a batch each hospital then shows at least two classes if it has them, so that what identifies
the hospital identifies no class.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Cell = tuple[str, str]
FEWEST_PARTNERS = 20


class HospitalPairs:
    """What `training.inputs.batches.Draw` asks for.

    chances: of each image to be the first of a pair, (images,), adding up to 1. hospitals, classes:
    of each image. images: drawn for an epoch, an even number.
    The second is of another class: of the same hospital where that has at least `fewest` such
    images, since fewer would be shown too often, else of any.
    """

    def __init__(
        self,
        chances: Floats,
        hospitals: Sequence[str],
        classes: Sequence[str],
        images: int,
        *,
        fewest: int = FEWEST_PARTNERS,
    ) -> None:
        if images % 2:
            raise ValueError(f"expected an even number of images, found {images}")
        self.images = images
        self._chances = chances
        self._cells = list(zip(hospitals, classes, strict=True))
        self._partners = _partners(chances, self._cells, fewest)

    def order(self, random: np.random.Generator) -> Places:
        """Return an epoch's images, (images,), pairs beside each other."""
        first = random.choice(len(self._cells), self.images // 2, p=self._chances)
        second = np.empty_like(first)
        drawn = [self._cells[place] for place in first.tolist()]
        for cell in sorted(set(drawn)):
            selected = np.array([each == cell for each in drawn])
            places, chances = self._partners[cell]
            second[selected] = random.choice(places, int(selected.sum()), p=chances)
        return np.stack([first, second], axis=1).ravel()


def _partners(
    chances: Floats, cells: Sequence[Cell], fewest: int
) -> Mapping[Cell, tuple[Places, Floats]]:
    """Return for each hospital and class the images that may come with it, and their chances.

    Within the hospital a class counts by the root of its number of images, so that its few images
    of a class are not shown too often.
    """
    number = Counter(cells)
    roots = np.array([1 / math.sqrt(number[cell]) for cell in cells])
    hospitals = np.array([hospital for hospital, _ in cells], dtype=np.str_)
    classes = np.array([klass for _, klass in cells], dtype=np.str_)
    found = {}
    for hospital, klass in sorted(number):
        others = (classes != klass) & (chances > 0)
        near = others & (hospitals == hospital)
        near = near if near.sum() >= fewest else np.zeros_like(near)
        fitting = next(each for each in (near, others, chances > 0) if each.any())
        places = np.flatnonzero(fitting).astype(np.intp)
        own = (roots if fitting is near else chances)[places]
        found[hospital, klass] = (places, own / own.sum())
    return found
