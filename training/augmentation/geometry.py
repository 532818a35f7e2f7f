"""Random geometric changes to a training image, the same for the same seed, epoch and image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Augment = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]
"""Changes one (rows, columns) image, 0 = black; returns one of the same shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeometricAugmentation:
    """Flips, rotation, zoom, shift and shear, in one resampling; an `Augment`.

    rotation_degrees: drawn from 0 to this. zoom, shift, shear: fractions; each is drawn from
    -fraction to +fraction, zoom and shift for rows and columns on their own, shear as the tangent
    of its angle. What comes in from outside repeats the image's edge.
    Source: rahimzadeh2020 table 2, whose last line "Shift Range 5 %" is shear in the authors' code;
    repeating the edge is the default of the Keras generator they used.
    """

    horizontal_flip: bool = False
    vertical_flip: bool = False
    rotation_degrees: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    shear: float = 0.0

    def __call__(self, image: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
        """Return a changed copy; the same generator state gives the same copy."""
        flips = random.random(2) < 0.5  # noqa: PLR2004  an even chance
        if self.horizontal_flip and flips[0]:
            image = image[:, ::-1]
        if self.vertical_flip and flips[1]:
            image = image[::-1]
        matrix = self._matrix(image.shape, random)
        if np.array_equal(matrix, np.eye(3)):
            return np.ascontiguousarray(image)
        return _resample(image, matrix)

    def _matrix(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        """Return the map from a point of the result to one of the image, about its middle."""
        rows, columns = shape
        turn = np.deg2rad(random.uniform(0.0, self.rotation_degrees))
        zoom_x, zoom_y = 1.0 + random.uniform(-self.zoom, self.zoom, 2)
        shift_x, shift_y = random.uniform(-self.shift, self.shift, 2)
        slant = random.uniform(-self.shear, self.shear)
        rotation = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
        scale = [[zoom_x, 0, shift_x * columns], [0, zoom_y, shift_y * rows], [0, 0, 1]]
        shear = [[1, slant, 0], [0, 1, 0], [0, 0, 1]]
        matrix: NDArray[np.float64] = np.array(rotation) @ np.array(shear) @ np.array(scale)
        return matrix


def in_turn(steps: Sequence[Augment]) -> Augment:
    """Return what does several changes one after the other."""

    def changed(image: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
        for step in steps:
            image = step(image, random)
        return image

    return changed


def image_random(seed: int, epoch: int, index: int, time: int = 0) -> np.random.Generator:
    """Return the generator for one image in one epoch; no thread or order changes it.

    time: the how manieth time of the epoch, from 0, where images are drawn.
    """
    return np.random.default_rng((seed, epoch, index, *([time] if time else [])))


def _resample(image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    rows, columns = image.shape
    corners = np.array([[x, y, 1] for x in (-columns, columns) for y in (-rows, rows)]).T / 2
    reach = np.abs(matrix @ np.where(np.arange(3)[:, None] < 2, corners, 1))  # noqa: PLR2004
    margin_x = max(0, int(np.ceil(reach[0].max() - columns / 2))) + 1
    margin_y = max(0, int(np.ceil(reach[1].max() - rows / 2))) + 1
    padded = np.pad(image, ((margin_y, margin_y), (margin_x, margin_x)), mode="edge")
    to_middle = np.array([[1, 0, -columns / 2], [0, 1, -rows / 2], [0, 0, 1]])
    back = np.array([[1, 0, columns / 2 + margin_x], [0, 1, rows / 2 + margin_y], [0, 0, 1]])
    coefficients = (back @ matrix @ to_middle)[:2].ravel()
    changed = Image.fromarray(padded).transform(
        (columns, rows),
        Image.Transform.AFFINE,
        tuple(coefficients),
        resample=Image.Resampling.BILINEAR,
    )
    return np.asarray(changed)
