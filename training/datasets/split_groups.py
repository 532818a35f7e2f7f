"""Which images must stay together: one patient's, and images that are the same.

Union-find over patient, the data set's own group, identical pixels and, on request, near
duplicates by perceptual hash.
"""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.datasets.pixels import OpenedImage

NEAR_DUPLICATE_BITS = 10
"""Of 256. In the development pack (5,921 images, 17.5 million pairs) all 295 pairs up to 11 bits
are known duplicates or one patient's; the nearest two images of different patients are 14 apart.
"""


class UnionFind:
    """Disjoint sets of indices 0 .. size - 1."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, index: int) -> int:
        """Return the representative of an index's set: its lowest index."""
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def union(self, first: int, second: int) -> None:
        """Join the sets of two indices."""
        low, high = sorted((self.find(first), self.find(second)))
        self._parent[high] = low


def split_groups(images: Sequence[OpenedImage], near: Iterable[tuple[int, int]] = ()) -> list[str]:
    """Return the group of each image.

    near: pairs of indices to be kept together besides. A group is named by the lowest of its data
    set's own group names, else of its patient ids, else by its pixels: the same images always get
    the same names, however they are ordered.
    """
    sets = UnionFind(len(images))
    first: dict[Hashable, int] = {}
    for index, image in enumerate(images):
        for key in _keys(image):
            sets.union(first.setdefault(key, index), index)
    for one, other in near:
        sets.union(one, other)
    names: dict[int, tuple[int, str]] = {}
    for index, image in enumerate(images):
        root = sets.find(index)
        names[root] = min(names.get(root, (3, "")), _name(image))
    return [names[sets.find(index)][1] for index in range(len(images))]


def _keys(image: OpenedImage) -> Iterable[tuple[str, str]]:
    yield "pixels", image.pixels_sha256
    if image.listed.patient_id:
        yield "patient", image.listed.patient_id
    if image.listed.split_group:
        yield "group", image.listed.split_group


def _name(image: OpenedImage) -> tuple[int, str]:
    if image.listed.split_group:
        return 0, image.listed.split_group
    if image.listed.patient_id:
        return 1, image.listed.patient_id
    return 2, f"pixels:{image.pixels_sha256[:16]}"


def near_duplicates(
    hashes: NDArray[np.uint64], largest_distance_bits: int = NEAR_DUPLICATE_BITS
) -> list[tuple[int, int, int]]:
    """Return pairs (earlier index, later index, distance in bits) of similar images.

    hashes: shape (images, 4), 256 bits each. Compares all pairs: 6,000 images take seconds,
    27,000 a minute.
    """
    pairs: list[tuple[int, int, int]] = []
    for later in range(1, len(hashes)):
        distances = np.bitwise_count(hashes[:later] ^ hashes[later]).sum(axis=1, dtype=np.int64)
        pairs.extend(
            (int(earlier), later, int(distances[earlier]))
            for earlier in np.flatnonzero(distances <= largest_distance_bits)
        )
    return pairs
