"""Augmentation changes images as the papers say, and the same way each time."""

import numpy as np
import pytest
from numpy.typing import NDArray

from screening.imaging.phantoms.phantom_image import phantom_image
from training.augmentation.geometry import GeometricAugmentation, image_random
from training.protocols.rahimzadeh2020 import CONCATENATED

PICTURE: NDArray[np.uint8] = np.asarray(phantom_image(0, 96, 80))


def test_the_same_seed_epoch_and_picture_give_the_same_change() -> None:
    """Each of the three numbers, and nothing else, decides what becomes of an image."""
    augment = CONCATENATED.augmentation
    assert augment is not None
    keys = [(0, 0, 0), (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    first, again, *others = (augment(PICTURE, image_random(*key)) for key in keys)
    assert np.array_equal(first, again)
    assert all(not np.array_equal(first, other) for other in others)
    assert first.shape == PICTURE.shape
    assert first.dtype == np.uint8


def test_without_changes_the_picture_stays() -> None:
    """An augmentation with nothing switched on returns the image."""
    assert np.array_equal(GeometricAugmentation()(PICTURE, image_random(0, 0, 0)), PICTURE)


def test_flips_are_the_four_mirrored_pictures() -> None:
    """Horizontal and vertical flips come alone, together and not at all."""
    flip = GeometricAugmentation(horizontal_flip=True, vertical_flip=True)
    wanted = {PICTURE[::v, ::h].tobytes() for v in (1, -1) for h in (1, -1)}
    assert {flip(PICTURE, image_random(0, 0, i)).tobytes() for i in range(40)} == wanted


def disc(row: float, column: float, size: int = 101) -> NDArray[np.uint8]:
    """Return a black image with a white disc of radius 6 at a place."""
    rows, columns = np.mgrid[:size, :size]
    inside: NDArray[np.bool_] = np.hypot(rows - row, columns - column) <= 6
    return np.where(inside, 255, 0).astype(np.uint8)


def middle(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return row and column of the middle of what is bright, from the image's middle."""
    total = image.sum(dtype=np.float64)
    places = np.indices(image.shape) - (image.shape[0] - 1) / 2
    found: NDArray[np.float64] = (places * image).sum(axis=(1, 2)) / total
    return found


def test_rotation_covers_the_whole_turn_about_the_middle() -> None:
    """A point keeps its distance from the middle and comes to lie in every direction."""
    turn = GeometricAugmentation(rotation_degrees=360.0)
    found = [middle(turn(disc(50, 80), image_random(0, 0, i))) for i in range(60)]
    assert np.hypot(*np.transpose(found)) == pytest.approx(30, abs=1.0)
    directions = np.degrees(np.arctan2(*np.transpose(found))) % 360
    assert np.histogram(directions, bins=8, range=(0, 360))[0].min() > 0


def test_shift_reaches_a_twentieth_of_the_side_and_no_further() -> None:
    """Both axes shift on their own, by at most 5 % of the side."""
    shift = GeometricAugmentation(shift=0.05)
    found = np.array([middle(shift(disc(50, 50), image_random(0, 0, i))) for i in range(80)])
    assert 4.0 < np.abs(found).max() <= 5.2
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.5


def test_zoom_changes_size_by_at_most_a_twentieth() -> None:
    """A disc's area changes by up to 5 % along each axis, and both ways."""
    zoom = GeometricAugmentation(zoom=0.05)
    ratios = [
        zoom(disc(50, 50), image_random(0, 0, i)).sum(dtype=float) / disc(50, 50).sum(dtype=float)
        for i in range(60)
    ]
    assert 0.95**2 - 0.03 < min(ratios) < 0.97
    assert 1.03 < max(ratios) < 1 / 0.95**2 + 0.03


def test_shear_moves_rows_in_proportion_to_their_height() -> None:
    """A point 40 rows above the middle moves by at most 2 columns and no row."""
    shear = GeometricAugmentation(shear=0.05)
    found = np.array([middle(shear(disc(10, 50), image_random(0, 0, i))) for i in range(60)])
    assert found[:, 0] == pytest.approx(-40, abs=0.1)
    assert 1.0 < np.abs(found[:, 1]).max() <= 2.1


def test_the_edge_is_repeated_where_the_picture_ends() -> None:
    """Nothing black comes in from outside a bright image."""
    augment = CONCATENATED.augmentation
    assert augment is not None
    bright = np.full((64, 64), 200, np.uint8)
    assert all(np.array_equal(augment(bright, image_random(0, 0, i)), bright) for i in range(20))
