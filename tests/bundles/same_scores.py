"""Scores, and their comparison across batches, processors, runtimes and devices."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from screening.domain.scores import SCORE_TOLERANCE, Class, EnsembleScores
from screening.ensemble.ensemble import Ensemble


def scores_of(ensemble: Ensemble, images: Sequence[NDArray[np.uint8]]) -> list[EnsembleScores]:
    """Return the scores of radiographs, (rows, columns) uint8 each, refused or not, in order."""
    return [one.scores for one in ensemble.infer([ensemble.prepare(image) for image in images])]


def assert_same_scores(found: Sequence[object], expected: Sequence[object]) -> None:
    """Fail unless both are the scores of the same pictures, in order, to `SCORE_TOLERANCE`."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert isinstance(one, EnsembleScores)
        assert isinstance(other, EnsembleScores)
        np.testing.assert_allclose(raw(one), raw(other), rtol=0, atol=SCORE_TOLERANCE)
        np.testing.assert_allclose(told(one), told(other), rtol=0, atol=SCORE_TOLERANCE)


def raw(scores: EnsembleScores) -> list[float]:
    """Return every member's probabilities as its network gave them."""
    return [p for member in scores.members for p in member.raw.values()]


def told(scores: EnsembleScores) -> list[float]:
    """Return the ensemble's scores, then every member's calibrated ones."""
    every = (scores.ensemble, *(member.calibrated for member in scores.members))
    return [one.of(klass) for one in every for klass in Class]
