"""An exchange gives an image another's black and white, and keeps what lies between in place."""

import numpy as np

from screening.imaging.phantoms.phantom_image import phantom_image
from training.augmentation.contrast_exchange import LevelExchange, black_and_white
from training.augmentation.geometry import image_random

DULL = (phantom_image(2, 90, 80) // 4 + 90).astype(np.uint8)
STARK = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (90, 1))


def test_a_dull_picture_gets_a_stark_ones_black_and_white() -> None:
    """Levels become the other's; the order of grey levels stays."""
    wanted = black_and_white(STARK[np.newaxis])
    changed = LevelExchange(wanted, chance=1.0)(DULL, image_random(1, 0, 0))
    np.testing.assert_allclose(black_and_white(changed[np.newaxis]), wanted, atol=1)
    order = np.argsort(DULL.ravel(), kind="stable")
    assert (np.diff(changed.ravel()[order].astype(int)) >= 0).all()


def test_an_exchange_with_itself_changes_nothing() -> None:
    """An image that has the wanted levels keeps them; one of a single level is no fault."""
    exchange = LevelExchange(black_and_white(DULL[np.newaxis]), chance=1.0)
    np.testing.assert_array_equal(exchange(DULL, image_random(1, 0, 0)), DULL)
    assert exchange(np.full((70, 70), 7, np.uint8), image_random(1, 0, 0)).shape == (70, 70)


def test_chance_and_seed_decide() -> None:
    """Without a chance nothing happens; the same seed gives the same copy; all levels are drawn."""
    levels = black_and_white(np.stack([DULL, STARK]))
    assert LevelExchange(levels, chance=0.0)(DULL, image_random(1, 0, 0)) is DULL
    always = LevelExchange(levels, chance=1.0)
    first, again = (always(DULL, image_random(5, 0, 0)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    some = [always(DULL, image_random(1, 0, number)).max() for number in range(20)]
    assert len(set(some)) == 2
