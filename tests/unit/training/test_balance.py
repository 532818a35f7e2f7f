"""No class is the source that most of it comes from."""

import pytest

from training.balance import balanced_chances

CLASSES = ["covid19"] * 4 + ["normal"] * 26
SOURCES = ["web"] * 4 + ["clinic"] * 25 + ["web"]


def test_classes_are_drawn_alike() -> None:
    """However many images a class has, it is half of what two classes are drawn from."""
    chances = balanced_chances(CLASSES, SOURCES)
    assert chances.sum() == pytest.approx(1)
    assert chances[:4].sum() == pytest.approx(0.5)


def test_a_source_counts_by_the_root_of_its_number() -> None:
    """Twenty-five images of one source are drawn five times as often as the one of another."""
    chances = balanced_chances(CLASSES, SOURCES)
    assert chances[4:29].sum() == pytest.approx(5 * chances[29])
