"""Compares scores across batches, processors, runtimes and devices."""

from collections.abc import Sequence

import numpy as np

from screening.domain.scores import SCORE_DIGITS, SCORE_TOLERANCE, Class, EnsembleScores

_ONE_STEP = 10**-SCORE_DIGITS + 1e-9


def assert_same_scores(found: Sequence[object], expected: Sequence[object]) -> None:
    """Fail unless both are the scores of the same pictures, in order.

    What the networks gave may differ by `SCORE_TOLERANCE`, so that a rounded score may be a step
    beside the other.
    """
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert isinstance(one, EnsembleScores)
        assert isinstance(other, EnsembleScores)
        np.testing.assert_allclose(raw(one), raw(other), rtol=0, atol=SCORE_TOLERANCE)
        np.testing.assert_allclose(rounded(one), rounded(other), rtol=0, atol=_ONE_STEP)


def raw(scores: EnsembleScores) -> list[float]:
    """Return every member's probabilities as its network gave them."""
    return [p for member in scores.members for p in member.raw.values()]


def rounded(scores: EnsembleScores) -> list[float]:
    """Return the ensemble's scores, then every member's calibrated ones."""
    told = (scores.ensemble, *(member.calibrated for member in scores.members))
    return [one.of(klass) for one in told for klass in Class]
