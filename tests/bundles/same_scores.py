"""Compares scores across batches, processors, runtimes and devices."""

from collections.abc import Sequence

import numpy as np

from screening.domain.scores import SCORE_TOLERANCE, Class, EnsembleScores


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
