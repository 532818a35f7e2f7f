"""Shares and distances, with intervals that hold what is true."""

import random

import pytest

from screening.domain.sample_distances import kolmogorov_distance, mean_shift, share

EVEN = tuple(place / 20 for place in range(21))
SAMPLE = [(place + 0.5) / 1000 for place in range(1000)]


def distance(sample: list[float], quantiles: tuple[float, ...]) -> float:
    """Return the distance without its interval."""
    return kolmogorov_distance(sample, quantiles, 100).value


def test_the_distance_of_two_distributions() -> None:
    """0 for the same, 1 for ranges apart, a quarter for a shift by a quarter; ties count once."""
    assert distance(SAMPLE, EVEN) < 0.001
    assert distance([value + 2 for value in SAMPLE], EVEN) == pytest.approx(1)
    assert distance([value + 0.25 for value in SAMPLE], EVEN) == pytest.approx(0.25, abs=0.002)
    assert distance([0.5] * 40, (0.5,) * 21) == pytest.approx(0)
    assert distance([2 * value for value in SAMPLE], EVEN) == pytest.approx(0.5, abs=0.002)


def test_the_interval_of_a_distance_is_that_of_two_samples() -> None:
    """Massey's table: 1.36 times the root of 1/n + 1/m."""
    found = kolmogorov_distance([value + 0.25 for value in SAMPLE[::10]], EVEN, 100)
    assert found.low == pytest.approx(found.value - 0.192, abs=0.001)
    assert found.high == pytest.approx(found.value + 0.192, abs=0.001)


@pytest.mark.parametrize("true", [0.0, 0.3, 0.6])
def test_the_shift_of_a_mean_is_found_without_what_chance_adds(true: float) -> None:
    """Of 100 samples, at least 88 intervals hold the shift, and their mean is near it."""
    found = []
    for seed in range(100):
        chance = random.Random(seed)  # noqa: S311  no secret
        means = [chance.gauss(0, 0.1) for _ in range(16)]  # of 100 others around 0
        sample = [[chance.gauss(true, 1) for _ in range(16)] for _ in range(100)]
        found.append(mean_shift(sample, means, 100))
    assert sum(one.low <= true <= one.high for one in found) >= 88
    assert sum(one.value for one in found) / 100 == pytest.approx(true, abs=0.06)


def test_the_interval_of_a_share_is_wilsons() -> None:
    """The figures of Wilson's interval for 5 and 0 of 100, and for 30 of 30."""
    five, none, all_of_them = share(5, 100), share(0, 100), share(30, 30)
    assert (five.low, five.high) == pytest.approx((0.02154, 0.11175), abs=1e-4)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(0.03699, abs=1e-4)
    assert (all_of_them.low, all_of_them.high) == (pytest.approx(1 - 0.11352, abs=1e-4), 1)
