"""Reliability and expected calibration error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics.calibration import reliability


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
    found = reliability(positive, np.array([probability for _, probability in images]), bins)
    assert found
    assert sum(each.images for each in found.bins) == len(images)
    for each in found.bins:
        if each.mean_probability is not None:
            assert each.low - 1e-9 <= each.mean_probability <= each.high + 1e-9
    assert 0 <= found.expected_calibration_error <= 1
    assert 0 <= found.brier_score <= 1


def test_without_images_there_is_no_answer() -> None:
    """Nothing to judge is no error."""
    assert reliability(np.zeros(0, bool), np.zeros(0)) is None


@pytest.mark.parametrize("probability", [-0.1, 1.1, np.nan])
def test_a_number_that_is_no_probability_is_refused(probability: float) -> None:
    """Logits in place of probabilities would pass unnoticed."""
    with pytest.raises(ValueError, match="0 to 1"):
        reliability(np.array([True]), np.array([probability]))
