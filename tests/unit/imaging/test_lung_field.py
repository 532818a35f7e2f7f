"""From a map of the lungs to the crop that holds them."""

from dataclasses import astuple

import numpy as np
import pytest
from numpy.typing import NDArray

from screening.imaging.fingerprint_cases import fixed_lungs
from screening.imaging.network_input.lung_field import (
    Box,
    LungFieldSpec,
    NoLungField,
    crop,
    find_lung_field,
    lung_box,
    network_input,
)
from screening.imaging.phantoms.phantom_image import phantom_image

SPEC = LungFieldSpec()


@pytest.mark.parametrize("exposure", [1.0, 0.4])
def test_the_network_sees_no_exposure(exposure: float) -> None:
    """Its input has mean 0 and deviation 1 at the network's size, however dark the picture is."""
    picture = (phantom_image(0, 400, 300) * exposure).astype(np.uint8)
    taken = network_input(picture, LungFieldSpec(height=128, width=96))
    assert (taken.shape, taken.dtype) == ((128, 96), np.float32)
    assert (taken.mean(), taken.std()) == pytest.approx((0, 1), abs=1e-3)


def test_the_box_holds_both_lungs_and_a_margin() -> None:
    """The box goes around both ellipses, with 6 % of their size on each side."""
    box = lung_box(fixed_lungs(), LungFieldSpec(margin=0.06))
    assert box is not None
    tight = lung_box(fixed_lungs(), LungFieldSpec(margin=0.0))
    assert tight is not None
    assert (tight.left, tight.right) == pytest.approx((23 / 128, 104 / 128), abs=2 / 128)
    assert (tight.top, tight.bottom) == pytest.approx((19 / 128, 104 / 128), abs=3 / 128)
    assert tight.left - box.left == pytest.approx(0.06 * (tight.right - tight.left))
    assert box.bottom - tight.bottom == pytest.approx(0.06 * (tight.bottom - tight.top))


def test_a_box_ends_with_the_picture() -> None:
    """Lungs that reach the border give a box that ends there."""
    spec = LungFieldSpec(margin=0.5, most_between=1.0)
    assert lung_box(np.ones((128, 128), np.float32), spec) == Box(0, 0, 1, 1)


def test_specks_do_not_widen_the_box() -> None:
    """A speck far from the lungs, 0.1 % of them, moves no side by half a row or column."""
    speckled = fixed_lungs()
    speckled[1:3, 1:4] = 0.9
    sides = [lung_box(lungs, SPEC) for lungs in (speckled, fixed_lungs())]
    assert None not in sides
    moved = np.subtract(*[astuple(box) for box in sides if box])
    assert np.abs(moved).max() < 0.5 / 128


@pytest.mark.parametrize("lungs", [np.zeros((128, 128)), np.eye(128)])
def test_too_little_lung_is_no_lung_field(lungs: NDArray[np.float64]) -> None:
    """Less lung than in any chest radiograph is refused, saying how much there was."""
    found = find_lung_field(lungs, SPEC)
    assert isinstance(found, NoLungField)
    assert f"{100 * lungs.mean():.1f} % of the image" in found.found
    assert lung_box(lungs, SPEC) is None


def test_uncertain_lungs_are_no_lung_field() -> None:
    """A network that has never seen the like is in doubt; its mean probability says so."""
    doubtful = fixed_lungs() * np.float32(0.7)
    assert find_lung_field(doubtful, SPEC) == NoLungField(
        "lungs with a certainty of 0.63, at least 0.78 expected"
    )
    assert isinstance(find_lung_field(doubtful, LungFieldSpec(least_certainty=0.6)), Box)


def test_one_blob_is_no_lung_field() -> None:
    """Two lungs leave a gap between them, which a lateral view or an abdomen does not."""
    rows, columns = np.mgrid[-1:1:128j, -1:1:128j]
    blob = np.where((rows / 0.7) ** 2 + (columns / 0.5) ** 2 < 1, 0.95, 0.0)
    found = find_lung_field(blob, SPEC)
    assert isinstance(found, NoLungField)
    assert found.found.endswith("at most 60 % expected of two lungs")
    gap = blob.copy()
    gap[30:100, 60:68] = 0
    assert isinstance(find_lung_field(gap, SPEC), Box)


def test_one_white_lung_is_still_a_lung_field() -> None:
    """A chest of which the network finds one lung and a part of the other is not refused."""
    lungs = fixed_lungs()
    lungs[:85, 64:] = 0
    assert isinstance(find_lung_field(lungs, SPEC), Box)


@pytest.mark.parametrize("side", [160, 3000])
def test_the_crop_is_the_box_in_whole_pixels(side: int) -> None:
    """The crop goes outwards to whole pixels, whatever the picture's size."""
    picture = np.arange(side * side, dtype=np.uint32).reshape(side, side).astype(np.uint8)
    part = crop(picture, Box(left=0.2501, top=0.1, right=0.75, bottom=0.9))
    assert part.shape == (round(0.8 * side), side // 2)
    assert np.array_equal(part, picture[side // 10 : 9 * side // 10, side // 4 : 3 * side // 4])
