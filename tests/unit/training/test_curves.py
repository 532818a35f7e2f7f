"""ROC and precision-recall curves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.metrics.curves import precision_recall_curve, roc_curve

SCORED = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5).map(lambda n: n / 5)), min_size=1, max_size=40
)


def arrays(scored: list[tuple[bool, float]]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return truths and scores."""
    return np.array([truth for truth, _ in scored]), np.array([score for _, score in scored])


@given(SCORED)
def test_roc_area_is_the_mann_whitney_probability(scored: list[tuple[bool, float]]) -> None:
    """The area is the share of pairs that stand in the right order, ties counting half."""
    positive, scores = arrays(scored)
    curve = roc_curve(positive, scores)
    if positive.all() or not positive.any():
        assert curve is None
        return
    difference = scores[positive][:, None] - scores[~positive][None, :]
    assert curve is not None
    assert curve.area == pytest.approx(np.mean((difference > 0) + 0.5 * (difference == 0)))


@given(SCORED)
def test_every_point_is_what_its_threshold_gives(scored: list[tuple[bool, float]]) -> None:
    """Calling all scores at or above a threshold gives the point's rates."""
    positive, scores = arrays(scored)
    roc, precision_recall = roc_curve(positive, scores), precision_recall_curve(positive, scores)
    if roc:
        for at, threshold in enumerate(roc.thresholds):
            called = scores >= threshold
            assert roc.sensitivity[at] == pytest.approx(called[positive].mean())
            assert roc.false_positive_rate[at] == pytest.approx(called[~positive].mean())
    if precision_recall:
        for at, threshold in enumerate(precision_recall.thresholds):
            called = scores >= threshold
            assert precision_recall.precision[at] == pytest.approx(positive[called].mean())
            assert precision_recall.sensitivity[at] == pytest.approx(called[positive].mean())


@given(SCORED)
def test_average_precision_is_at_least_the_worst_order(scored: list[tuple[bool, float]]) -> None:
    """The area lies from above 0 to 1, and is the prevalence where all scores are the same."""
    positive, scores = arrays(scored)
    curve = precision_recall_curve(positive, scores)
    flat = precision_recall_curve(positive, np.zeros_like(scores))
    if curve and flat:
        assert 0 < curve.area <= 1 + 1e-12
        assert flat.area == pytest.approx(positive.mean())


def test_perfect_scores_have_full_areas() -> None:
    """All positives above all negatives: both areas are 1."""
    positive, scores = np.array([False, True, False, True]), np.array([0.1, 0.8, 0.2, 0.9])
    roc, precision_recall = roc_curve(positive, scores), precision_recall_curve(positive, scores)
    assert roc
    assert precision_recall
    assert (roc.area, precision_recall.area) == (1.0, 1.0)


def test_no_images_give_no_curve() -> None:
    """Nothing to judge is no error."""
    assert roc_curve(np.zeros(0, bool), np.zeros(0)) is None
    assert precision_recall_curve(np.zeros(0, bool), np.zeros(0)) is None


def test_scores_that_are_not_numbers_are_refused() -> None:
    """A network that diverged must not get a curve."""
    with pytest.raises(ValueError, match="finite"):
        roc_curve(np.array([True, False]), np.array([np.nan, 0.5]))
    with pytest.raises(ValueError, match="one score per image"):
        precision_recall_curve(np.array([True, False]), np.array([0.5]))
