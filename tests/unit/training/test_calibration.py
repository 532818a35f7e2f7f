"""Reliability and expected calibration error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.metrics.calibration import expected_calibration_error, reliability
from training.metrics.intervals import group_bootstrap, reflected_interval

Drawn = tuple[NDArray[np.bool_], NDArray[np.float64]]
"""What is true of images, and the score's probabilities."""


def test_the_error_is_the_distance_of_frequency_from_probability() -> None:
    """Ten images at 0.9 of which five are positive: the error is 0.4."""
    found = reliability(np.arange(10) < 5, np.full(10, 0.9), bins=10)
    assert found
    assert found.expected_calibration_error == pytest.approx(0.4)
    assert found.brier_score == pytest.approx(0.5 * 0.01 + 0.5 * 0.81)
    [full] = [each for each in found.bins if each.images]
    assert (full.low, full.high) == pytest.approx((0.8, 0.9))
    assert (full.mean_probability, full.frequency) == pytest.approx((0.9, 0.5))


def test_probabilities_that_come_true_have_no_error() -> None:
    """A quarter of those at 0.25, all of those at 1, none of those at 0."""
    positive = np.array([True, False, False, False, True, False])
    found = reliability(positive, np.array([0.25, 0.25, 0.25, 0.25, 1.0, 0.0]))
    assert found
    assert found.expected_calibration_error == pytest.approx(0.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1), st.integers(1, 20))
def test_every_image_is_in_the_bin_of_its_probability(
    images: list[tuple[bool, float]], bins: int
) -> None:
    """Bins hold all images, each bin's mean lies in it, and the summaries lie from 0 to 1."""
    positive = np.array([truth for truth, _ in images])
    probabilities = np.array([probability for _, probability in images])
    found = reliability(positive, probabilities, bins)
    assert found
    alone = expected_calibration_error(positive, probabilities, bins)
    assert found.expected_calibration_error == alone
    assert sum(each.images for each in found.bins) == len(images)
    for each in found.bins:
        if each.mean_probability is not None:
            assert each.low - 1e-9 <= each.mean_probability <= each.high + 1e-9
    assert 0 <= found.expected_calibration_error <= 1
    assert 0 <= found.brier_score <= 1


def test_without_images_there_is_no_answer() -> None:
    """Nothing to judge is no error."""
    assert reliability(np.zeros(0, bool), np.zeros(0)) is None
    assert expected_calibration_error(np.zeros(0, bool), np.zeros(0)) is None


@pytest.mark.parametrize("probability", [-0.1, 1.1, np.nan])
def test_a_number_that_is_no_probability_is_refused(probability: float) -> None:
    """Logits in place of probabilities would pass unnoticed."""
    with pytest.raises(ValueError, match="0 to 1"):
        reliability(np.array([True]), np.array([probability]))


def test_a_true_error_lies_in_its_interval_more_often_than_in_the_percentiles() -> None:
    """Chance raises the error of 300 images, and that of their resamples once more.

    On 30 draws of a score that is wrong by 4 % the reflected interval holds that nearly always,
    the percentile interval never; each reflected one holds the value beside it.
    """
    random = np.random.default_rng(0)

    def draw(images: int) -> Drawn:
        probabilities = random.beta(0.3, 1.2, images)
        true = np.clip(probabilities + 0.4 * probabilities * (1 - probabilities), 0, 1)
        return random.random(images) < true, probabilities

    many = reliability(*draw(1_000_000))
    assert many
    error = many.expected_calibration_error
    groups = np.arange(300).astype(str)
    held = {"percentile": 0, "reflected": 0}
    for _ in range(30):
        positive, probabilities = draw(300)

        def figure(chosen: NDArray[np.intp], drawn: Drawn = (positive, probabilities)) -> float:
            found = expected_calibration_error(drawn[0][chosen], drawn[1][chosen])
            assert found
            return found

        value = figure(np.arange(300))
        percentile = group_bootstrap(figure, groups, resamples=200)
        assert percentile
        reflected = reflected_interval(value, percentile)
        assert reflected.low <= value <= reflected.high
        held["percentile"] += percentile.low <= error <= percentile.high
        held["reflected"] += reflected.low <= error <= reflected.high
    assert held["reflected"] >= 24
    assert held["percentile"] <= 6
