"""Appearance changes how a radiograph looks, within bounds, the same for the same seed."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from screening.imaging.phantoms.phantom_image import phantom_image
from training.augmentation.appearance import AppearanceAugmentation
from training.augmentation.geometry import GeometricAugmentation, image_random, in_turn

PICTURE = phantom_image(1, 150, 130)
NOTHING = AppearanceAugmentation(
    resize_chance=0,
    sharpen_chance=0,
    equalise_chance=0,
    gamma=0,
    contrast=0,
    brightness=0,
    shading_chance=0,
    noise=0,
    jpeg_chance=0,
    patches=0,
)
EACH = {
    "resize_chance": 1.0,
    "sharpen_chance": 1.0,
    "equalise_chance": 1.0,
    "gamma": 0.6,
    "contrast": 0.4,
    "brightness": 0.2,
    "shading_chance": 1.0,
    "noise": 0.1,
    "jpeg_chance": 1.0,
    "patches": 9,
}


def changed(
    augment: AppearanceAugmentation, seed: int, image: NDArray[np.uint8] = PICTURE
) -> NDArray[np.uint8]:
    """Return a changed image."""
    return augment(image, image_random(seed, 0, 0))


def test_the_same_seed_gives_the_same_picture() -> None:
    """Another seed gives another; the image itself is left alone."""
    before = PICTURE.copy()
    first = changed(AppearanceAugmentation(), 1)
    assert np.array_equal(first, changed(AppearanceAugmentation(), 1))
    assert not np.array_equal(first, changed(AppearanceAugmentation(), 2))
    assert np.array_equal(PICTURE, before)
    assert (first.shape, first.dtype) == (PICTURE.shape, np.uint8)


def test_nothing_asked_nothing_changed() -> None:
    """With every strength at zero the image comes back grey level by grey level."""
    assert np.array_equal(changed(NOTHING, 3), PICTURE)


@pytest.mark.parametrize("name", EACH)
def test_each_change_shows(name: str) -> None:
    """Every part alone changes the image."""
    alone = replace(NOTHING, **{name: EACH[name]})
    assert not np.array_equal(changed(alone, 5), PICTURE)


def test_tone_is_not_what_tells_pictures_apart() -> None:
    """The lungs of a hundred changed copies are darker and lighter than in the original."""
    means = [changed(AppearanceAugmentation(), seed).mean() for seed in range(100)]
    assert min(means) < PICTURE.mean() - 20
    assert max(means) > PICTURE.mean() + 20


def test_changes_follow_one_another() -> None:
    """In turn gives what the second makes of the first's image."""
    flip, look = GeometricAugmentation(horizontal_flip=True), AppearanceAugmentation()
    random = image_random(9, 0, 0)
    expected = look(flip(PICTURE, random), random)
    assert np.array_equal(in_turn([flip, look])(PICTURE, image_random(9, 0, 0)), expected)
