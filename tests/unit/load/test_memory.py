"""The load trials see a leak, and only a leak."""

import random

import pytest

from tests.load.memory import NOISE_MB, growth

HELD_MB = 120.0


def samples(pieces: int, leaked_kb: float, noise_mb: float = 0.5) -> list[tuple[int, float]]:
    """Return what a process holds that needs 40 MB more at first and leaks with each piece."""
    chance = random.Random(1)  # noqa: S311  no secret
    return [
        (done, HELD_MB + min(40, done * 0.4) + done * leaked_kb / 1000 + chance.gauss(0, noise_mb))
        for done in range(0, pieces + 1, pieces // 50)
    ]


@pytest.mark.parametrize(
    ("pieces", "leaked_kb"), [(10_000, 1.1), (10_000, 30), (1_000, 30), (500, 30)]
)
def test_a_leak_is_seen(pieces: int, leaked_kb: float) -> None:
    """A little above the limit over many pieces, that of dead associations over few."""
    found = growth(samples(pieces, leaked_kb))
    assert found.is_leak
    assert found.per_1000 == pytest.approx(leaked_kb, rel=0.2)


@pytest.mark.parametrize(("pieces", "leaked_kb"), [(10_000, 0), (10_000, 0.9), (1_000, 0)])
def test_no_leak_is_none(pieces: int, leaked_kb: float) -> None:
    """What a process needs at first is none, nor what comes and goes."""
    assert not growth(samples(pieces, leaked_kb)).is_leak


def test_a_step_of_the_allocator_is_no_leak_over_few_pieces() -> None:
    """Half of what may come and go, in the middle of some hundred pieces."""
    steps = [(done, HELD_MB + (NOISE_MB / 2 if done > 150 else 0)) for done in range(0, 201, 10)]
    found = growth(steps)
    assert found.per_1000 > 1
    assert not found.is_leak


def test_a_line_through_nothing_is_refused() -> None:
    """Where no work went by nothing was measured."""
    with pytest.raises(AssertionError, match="expected samples"):
        growth([(0, HELD_MB), (1, HELD_MB)])
