"""A linear classifier of features, fitted in one step."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PENALTY = 0.1
"""Of each squared weight against the mean squared error, for features of unit variance."""
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class Plane:
    """direction: (features, outputs); offset: (outputs,)."""

    direction: Floats
    offset: Floats

    def values(self, features: NDArray[np.floating]) -> Floats:
        """Return (images, outputs) for (images, features)."""
        return np.asarray(features.astype(np.float64) @ self.direction + self.offset)


def fit_plane(
    features: NDArray[np.floating], classes: NDArray[np.intp], penalty: float = PENALTY
) -> Plane:
    """Return the ridge regression of 1 for an image's class and -1 for every other.

    features: (images, features), standardised here; classes: (images,), from 0, each of which
    occurs and counts as much as every other, however few images it has. Outputs are one for each
    class. Solved in the smaller of both dimensions, so features may outnumber images.
    Source: Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, sections
    3.4.1 and 4.2.
    """
    exact = features.astype(np.float64)
    mean, deviation = exact.mean(axis=0), exact.std(axis=0) + _LEAST_DEVIATION
    standard = (exact - mean) / deviation
    counts = np.bincount(classes)
    share = 1 / (len(counts) * counts[classes])
    targets = np.where(classes[:, np.newaxis] == np.arange(len(counts)), 1.0, -1.0)
    middle = share @ targets
    rows = standard * np.sqrt(share)[:, np.newaxis]
    wanted = (targets - middle) * np.sqrt(share)[:, np.newaxis]
    if rows.shape[1] <= rows.shape[0]:
        gram = rows.T @ rows + penalty * np.eye(rows.shape[1])
        weights = np.linalg.solve(gram, rows.T @ wanted)
    else:
        gram = rows @ rows.T + penalty * np.eye(rows.shape[0])
        weights = rows.T @ np.linalg.solve(gram, wanted)
    direction = weights / deviation[:, np.newaxis]
    return Plane(direction, middle - mean @ direction)
