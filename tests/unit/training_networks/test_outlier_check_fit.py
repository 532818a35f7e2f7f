"""How a outlier check is fitted: thresholds from validation images and left-out sources."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

from training.errors import TrainingError
from training.outliers.fit import LARGEST_OUTLIER_SCORE, CheckFeatures, fit_outlier_check

pytestmark = pytest.mark.tensorflow


def drawn_from(seed: int, count: int, *shifts: float) -> NDArray[np.float32]:
    """Return (count, 6) features around the shifts."""
    mean = np.zeros(6)
    mean[: len(shifts)] = shifts
    return np.random.default_rng(seed).normal(mean, 1, (count, 6)).astype(np.float32)


def features() -> CheckFeatures:
    """Return known images of two sources that hardly differ; strange ones lie beside them."""
    return CheckFeatures(
        known=np.concatenate([drawn_from(1, 200), drawn_from(2, 200, 0, 0.5)]),
        sources=np.repeat(["a", "b"], 200),
        changed=drawn_from(3, 400, 6),
        drawn=drawn_from(4, 40, 0, 0, 30),
        validation=drawn_from(5, 400),
    )


def test_the_plane_tells_what_the_distance_does_not() -> None:
    """Turned images lie near; few validation images are refused, nearly all turned ones."""
    found = fit_outlier_check(features())
    turned, far, known = drawn_from(6, 200, 6), drawn_from(7, 50, 0, 0, -60), drawn_from(8, 1000)
    assert (found.plane.outlier_scores(turned) > found.largest_outlier_score).mean() > 0.95
    assert (found.statistics.distances(far) > found.threshold).all()
    refused = (found.plane.outlier_scores(known) > found.largest_outlier_score) | (
        found.statistics.distances(known) > found.threshold
    )
    assert refused.mean() <= 0.02
    assert found.left_out.keys() == {"a", "b"}


def test_a_hospital_left_out_raises_the_thresholds() -> None:
    """As far as half-way to strange images; what a left-out source would then lose is told."""
    usual = fit_outlier_check(features())
    sources = replace(
        features(), known=np.concatenate([drawn_from(1, 200), drawn_from(2, 200, 0, 0, 0, 9)])
    )
    found = fit_outlier_check(sources)
    assert found.threshold > 1.5 * usual.threshold
    assert found.largest_outlier_score <= LARGEST_OUTLIER_SCORE
    assert found.left_out["b"] <= 0.01
    assert found.left_out["a"] > 0.01


def test_too_few_pictures_are_no_check() -> None:
    """The error says how to export without one."""
    with pytest.raises(TrainingError, match="--no-outlier-check"):
        fit_outlier_check(replace(features(), validation=drawn_from(0, 0)))
