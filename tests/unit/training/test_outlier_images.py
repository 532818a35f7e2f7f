"""Images that must not be scored."""

import numpy as np
import pytest

from screening.imaging.network_input.image_check import image_refusal
from training.outliers.outlier_images import CHANGES, DRAWN, TEACHING


def test_changes_are_undone_by_themselves() -> None:
    """A quarter turn four times, a half turn and an inversion twice give the image back."""
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    times = {"rotated by 90°": 4, "rotated by 180°": 2, "rotated by 270°": 4, "inverted": 2}
    assert times.keys() == CHANGES.keys()
    for name, count in times.items():
        found = image
        for _ in range(count):
            assert not np.array_equal(CHANGES[name](found), found)
            found = CHANGES[name](found)
        np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("kind", DRAWN)
def test_drawn_pictures_differ_by_their_seed(kind: str) -> None:
    """The same seed gives the same image, another one another; only blank ones are blank."""
    first, again, other = DRAWN[kind](1), DRAWN[kind](1), DRAWN[kind](2)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (image_refusal(DRAWN[kind](0)) is not None) == (kind == "blank")


def test_a_check_does_not_learn_all_that_it_is_tried_on() -> None:
    """What it learns from is drawn; something drawn is left to try it on."""
    assert set(TEACHING) < DRAWN.keys()
