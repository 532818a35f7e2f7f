"""Pictures in which nothing can be screened."""

import numpy as np
import pytest

from screening.domain.eligibility import Reason
from screening.imaging.network_input.image_check import image_refusal
from screening.imaging.phantoms.phantom_image import phantom_image


def test_a_chest_passes() -> None:
    """A synthetic chest radiograph is not refused."""
    assert image_refusal(phantom_image(0, 320, 300)) is None


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.full((300, 300), 128, np.uint8), Reason.BLANK_IMAGE),
        (np.random.default_rng(0).integers(126, 130, (300, 300), np.uint8), Reason.BLANK_IMAGE),
        (np.tile(np.uint8([0, 255]), (300, 150)), Reason.BLANK_IMAGE),
        (phantom_image(0, 100, 300), Reason.TOO_SMALL),
        (phantom_image(0, 200, 500), Reason.ODD_ASPECT_RATIO),
    ],
)
def test_refused(image: np.ndarray, reason: Reason) -> None:
    """Blank, two-valued, tiny and stretched pictures are refused with their reason."""
    refusal = image_refusal(image)
    assert refusal is not None
    assert refusal.reason is reason
