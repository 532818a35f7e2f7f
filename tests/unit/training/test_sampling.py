"""No class is the source that most of it comes from."""

import pytest

from training.inputs.sampling import balanced_chances

STRATA = [0] * 4 + [1] * 26
SOURCES = ["web"] * 4 + ["clinic"] * 25 + ["web"]


def test_a_stratum_is_drawn_by_its_share() -> None:
    """However many images a stratum has, its share says how often it is drawn."""
    chances = balanced_chances(STRATA, SOURCES, (3, 1))
    assert chances.sum() == pytest.approx(1)
    assert chances[:4].sum() == pytest.approx(0.75)


def test_the_share_of_a_stratum_without_images_goes_to_the_others() -> None:
    """Leaving a source out may empty a stratum; the draw is still whole."""
    assert balanced_chances(STRATA, SOURCES, (1, 1, 2)).sum() == pytest.approx(1)


def test_a_source_counts_by_the_root_of_its_number() -> None:
    """Twenty-five images of one source are drawn five times as often as the one of another."""
    chances = balanced_chances(STRATA, SOURCES, (1, 1))
    assert chances[4:29].sum() == pytest.approx(5 * chances[29])
