"""An exchange gives an image another's sharpness, and leaves what it shows where it is."""

import numpy as np
from PIL import Image, ImageFilter

from screening.imaging.phantoms.phantom_image import phantom_image
from training.augmentation.geometry import image_random
from training.augmentation.spectrum_exchange import BANDS, SpectrumExchange, radial_profiles

SHARP = (
    np.random.default_rng(0).integers(0, 256, (90, 80), dtype=np.uint8) // 4
    + phantom_image(2, 90, 80) // 4 * 3
)
SOFT = np.asarray(Image.fromarray(SHARP).filter(ImageFilter.GaussianBlur(2)))


def test_a_soft_picture_gets_a_sharp_ones_detail() -> None:
    """Its profile moves to the other's; mean and structure stay."""
    profiles = radial_profiles(np.stack([SHARP]))
    changed = SpectrumExchange(profiles, chance=1.0)(SOFT, image_random(1, 0, 0))
    before, after = (radial_profiles(each[np.newaxis])[0] for each in (SOFT, changed))
    fine = slice(BANDS // 3, BANDS // 2)
    wanted = profiles[0]
    nearer = np.abs(np.log(after / wanted))[fine] < np.abs(np.log(before / wanted))[fine]
    assert nearer.all()
    assert abs(changed.mean() - SOFT.mean()) < 3
    assert np.corrcoef(changed.ravel(), SOFT.ravel())[0, 1] > 0.8


def test_an_exchange_with_itself_changes_nothing() -> None:
    """An image that has the wanted profile already keeps its grey levels."""
    exchange = SpectrumExchange(radial_profiles(SOFT[np.newaxis]), chance=1.0)
    changed = exchange(SOFT, image_random(1, 0, 0))
    assert np.abs(changed.astype(int) - SOFT).max() <= 1


def test_chance_and_seed_decide() -> None:
    """Without a chance nothing happens; the same seed gives the same copy."""
    profiles = radial_profiles(np.stack([SHARP, SOFT]))
    assert SpectrumExchange(profiles, chance=0.0)(SOFT, image_random(1, 0, 0)) is SOFT
    always = SpectrumExchange(profiles, chance=1.0)
    first, again = (always(SOFT, image_random(5, 0, 0)) for _ in range(2))
    assert np.array_equal(first, again)
    assert (first.shape, first.dtype) == (SOFT.shape, np.uint8)
