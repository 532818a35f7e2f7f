"""A hospital's grey-level curve: drawn from a few numbers of each image, the same for all."""

import numpy as np
import pytest

from screening.imaging.network_input.grey_levels import (
    grey_curve,
    level_quantiles,
    pooled_ranks,
    training_quantiles,
    with_curve,
)
from screening.imaging.phantoms.phantom_image import phantom_image


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    """Return the images of a training."""
    return [phantom_image(seed, 200, 180).astype(np.float64) for seed in range(12)]


def darker(image: np.ndarray) -> np.ndarray:
    """Return an image as a device with another characteristic curve would give it."""
    return 255 * (image / 255) ** 1.6


def test_images_of_another_device_come_back_to_the_levels_of_the_training(
    images: list[np.ndarray],
) -> None:
    """One curve undoes the device's, which quantiles alone tell, and never falls."""
    training = training_quantiles([level_quantiles(image) for image in images])
    curve = grey_curve([level_quantiles(darker(image)) for image in images], training)
    assert list(curve.becomes) == sorted(curve.becomes)
    common = [level for level in range(256) if 0.02 < pooled_of(images)[level] < 0.98]
    for level in common[::10]:
        there = round(255 * (level / 255) ** 1.6)
        assert curve.becomes[there] == pytest.approx(level, abs=6)
    image = np.rint(darker(images[0])).astype(np.uint8)
    assert np.abs(with_curve(image, curve).astype(float) - images[0]).mean() < 3
    same = grey_curve([level_quantiles(image) for image in images], training)
    assert all(abs(same.becomes[level] - level) <= 3 for level in common)


def pooled_of(images: list[np.ndarray]) -> np.ndarray:
    """Return the rank of each level among all pixels, from whole histograms."""
    counts = sum(np.bincount(np.rint(i).astype(int).ravel(), minlength=256) for i in images)
    found: np.ndarray = (np.cumsum(counts) - counts / 2) / np.sum(counts)
    return found


def test_a_few_quantiles_of_each_image_tell_the_pooled_histogram(images: list[np.ndarray]) -> None:
    """Each image counts alike, and equal levels are no step too far."""
    found = pooled_ranks([level_quantiles(image) for image in images])
    np.testing.assert_allclose(found, pooled_of(images), atol=0.02)
    flat = pooled_ranks([level_quantiles(np.full((4, 4), 7.0))])
    assert (flat[6], flat[7], flat[8]) == (0, 0.5, 1)


def test_a_curve_is_known_by_its_levels(images: list[np.ndarray]) -> None:
    """The same levels have the same digest; another one has another."""
    training = training_quantiles([level_quantiles(image) for image in images])
    one, two = (grey_curve([level_quantiles(images[n])], training) for n in (0, 0))
    assert one.sha256 == two.sha256 != grey_curve([level_quantiles(images[1])], training).sha256
    assert str(one).startswith("32 to ")
