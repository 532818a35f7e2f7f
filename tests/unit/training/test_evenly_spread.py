"""Some of many items: in order, first and last among them, as far apart as they can be."""

import pytest

from training.data.evenly_spread import evenly_spread


@pytest.mark.parametrize(
    ("most", "chosen"),
    [(0, ""), (1, "a"), (2, "ak"), (3, "afk"), (5, "acfik"), (99, "abcdefghijk")],
)
def test_items_are_spread_evenly(most: int, chosen: str) -> None:
    """At most so many; all of them where they are no more."""
    assert "".join(evenly_spread("abcdefghijk", most)) == chosen


def test_nothing_gives_nothing() -> None:
    """There is no first item to take."""
    assert evenly_spread([], 3) == []
