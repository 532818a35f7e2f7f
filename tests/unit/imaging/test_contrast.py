"""Equalised grey levels are ranks within the picture."""

import numpy as np
import pytest

from screening.imaging.network_input.contrast import Contrast, equalised
from screening.imaging.network_input.preprocess import InputSpec, preprocess
from screening.imaging.phantoms.phantom_image import phantom_image


def test_levels_become_the_middle_of_their_share() -> None:
    """Two levels of a quarter and three quarters become 1/8 and 5/8 of white."""
    grey = np.array([[10, 200], [200, 200]], np.float32)
    assert equalised(grey).tolist() == [[32, 159], [159, 159]]


def test_one_level_becomes_mid_grey() -> None:
    """A picture of one level has every rank alike, in the middle."""
    assert set(equalised(np.full((9, 9), 7.0)).ravel()) == {128}


def test_exposure_and_gamma_do_not_count() -> None:
    """A picture and one of another characteristic curve are equalised to the same."""
    grey = np.repeat(np.arange(0, 256, 4, dtype=np.uint8), 4).reshape(16, 16)
    curved = np.rint(255 * (grey / 255.0) ** 0.7)
    assert np.array_equal(equalised(grey.astype(np.float32)), equalised(curved))


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0)])
def test_a_network_input_may_be_equalised(value_range: tuple[float, float]) -> None:
    """Equalised pictures spread evenly over the value range, and differ from the rendered ones."""
    picture = phantom_image(0, 300, 300)
    black, white = value_range
    even = preprocess(picture, InputSpec(150, 150, value_range, Contrast.EQUALISED))
    assert not np.array_equal(even, preprocess(picture, InputSpec(150, 150, value_range)))
    assert even.mean() == pytest.approx((black + white) / 2, abs=0.01)
    assert even.std() == pytest.approx((white - black) / np.sqrt(12), abs=0.01)
