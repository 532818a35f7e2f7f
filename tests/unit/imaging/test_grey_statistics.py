"""The grey statistics tell detector and processing, and not the size of a number."""

import numpy as np
import pytest

from screening.imaging.network_input.grey_statistics import grey_statistics


def noise(sharp: float) -> np.ndarray:
    """Return a ramp from 50 to 200 with so much grain."""
    random = np.random.default_rng(1)
    ramp = np.broadcast_to(np.linspace(50, 200, 150), (150, 150))
    return ramp + random.normal(0, sharp, (150, 150))


def test_levels_are_those_of_the_image() -> None:
    """One in a hundred pixels is beyond the black level, and one beyond the white level."""
    found = grey_statistics(noise(0.0))
    assert found.black_level == pytest.approx(51.5, abs=0.6)
    assert found.median_level == pytest.approx(125, abs=0.6)
    assert found.white_level == pytest.approx(198.5, abs=0.6)


def test_detail_is_grain_and_not_contrast() -> None:
    """A smooth ramp has none; twice the contrast of the whole image changes nothing."""
    smooth, grainy = grey_statistics(noise(0.0)), grey_statistics(noise(4.0))
    assert smooth.detail == pytest.approx(0, abs=1e-6)
    assert grainy.detail > 0.02
    brighter = grey_statistics(noise(4.0) * 2)
    assert brighter.detail == pytest.approx(grainy.detail, rel=1e-6)


def test_a_blank_image_has_levels_and_no_detail() -> None:
    """Nothing is divided by a range of nothing."""
    found = grey_statistics(np.full((20, 20), 7.0))
    assert (found.black_level, found.white_level, found.detail) == (7.0, 7.0, 0.0)
