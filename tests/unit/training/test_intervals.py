"""95 % intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from screening.domain.proportions import Interval, wilson_interval
from training.metrics.intervals import group_bootstrap, reflected_interval


def test_wilson_matches_a_published_example() -> None:
    """81 of 263: 0.255 to 0.366 (Newcombe 1998, Stat Med 17:857, table I, method 3)."""
    interval = wilson_interval(81, 263)
    assert interval
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_within_0_and_1(counts: tuple[int, int]) -> None:
    """Also at 0 and at all of them, where the plain normal interval fails."""
    interval = wilson_interval(*counts)
    assert interval
    assert 0 <= interval.low <= counts[0] / counts[1] <= interval.high <= 1
    assert interval.low < interval.high


def test_wilson_needs_trials() -> None:
    """Without any there is no interval; more successes than trials are refused."""
    assert wilson_interval(0, 0) is None
    with pytest.raises(ValueError, match="expected 0 to 3"):
        wilson_interval(4, 3)


def test_the_bootstrap_of_independent_images_agrees_with_wilson() -> None:
    """Where every image is its own group, both intervals say the same."""
    hits = np.arange(400) < 300
    found = group_bootstrap(lambda at: float(hits[at].mean()), np.arange(400).astype(str))
    wilson = wilson_interval(300, 400)
    assert found
    assert wilson
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=0.01)


def test_images_of_one_patient_widen_the_interval() -> None:
    """400 images of 40 patients are not 400 scores."""
    hits = np.arange(400) < 300
    alone = group_bootstrap(lambda at: float(hits[at].mean()), np.arange(400).astype(str))
    groups = (np.arange(400) // 10).astype(str)
    grouped = group_bootstrap(lambda at: float(hits[at].mean()), groups)
    assert alone
    assert grouped
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_whole_groups_are_drawn() -> None:
    """A resample holds every image of a group as often as any other of it."""
    groups = np.array(["a", "b", "a", "c", "b", "a"])
    members = [np.flatnonzero(groups == name) for name in "abc"]

    def whole(at: NDArray[np.intp]) -> float:
        counts = np.bincount(at, minlength=6)
        assert all(len(set(counts[group])) == 1 for group in members)
        return float(len(at))

    found = group_bootstrap(whole, groups, resamples=200)
    assert found
    assert found.low < 6 < found.high


def test_the_bootstrap_is_deterministic_by_seed() -> None:
    """The same seed gives the same interval, another one another."""
    values, groups = np.random.default_rng(0).normal(size=50), np.arange(50).astype(str)

    def mean(at: NDArray[np.intp]) -> float:
        return float(values[at].mean())

    first = group_bootstrap(mean, groups, resamples=100, seed=1)
    assert first == group_bootstrap(mean, groups, resamples=100, seed=1)
    assert first != group_bootstrap(mean, groups, resamples=100, seed=2)


def test_a_figure_that_is_mostly_undefined_has_no_interval() -> None:
    """Sensitivity of a class that most resamples lack says nothing."""
    groups = np.arange(20).astype(str)
    rare = group_bootstrap(lambda at: 1.0 if 0 in at else None, groups, resamples=200)
    assert rare is None
    assert group_bootstrap(lambda _: 1.0, np.array([], dtype=str)) is None


@given(st.floats(0, 1), st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_a_reflected_interval_holds_its_value(value: float, percentile: list[float]) -> None:
    """Wherever the percentiles lie, also above the value altogether; it never falls below 0."""
    found = reflected_interval(value, Interval(*percentile))
    assert 0 <= found.low <= value <= found.high


def test_a_reflected_interval_is_the_percentile_interval_about_the_value() -> None:
    """A figure of 5.9 with percentiles from 4.8 to 10.1 is one from 1.7 to 7.0."""
    found = reflected_interval(0.059, Interval(0.048, 0.101))
    assert (found.low, found.high) == pytest.approx((0.017, 0.070))
