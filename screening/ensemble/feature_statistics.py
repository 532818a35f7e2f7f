"""How far an image's features are from those of the images an ensemble was trained on.

Features are those of one layer of one network; training fits the statistics, the outlier check
measures distances with them.
Source: Lee et al. 2018, A Simple Unified Framework for Detecting Out-of-Distribution Samples and
Adversarial Attacks, section 2.1 (Mahalanobis distance to the nearest class mean under a shared
covariance); Tipping and Bishop 1999, Probabilistic Principal Component Analysis, section 3 (the
covariance from few components: the file stays small, and fewer images than features suffice).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screening.errors import BundleError
from screening.plain_arrays import read_arrays

COMPONENTS = 64
"""Directions of their own by default; the rest share one variance."""

_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True)
class FeatureStatistics:
    """A Gaussian for each group of known images, with one covariance.

    means: (groups, features); components: (k, features), orthonormal rows; variances: (k,), along
    the components; residual_variance: (1,), along every other direction. All float32, finite,
    variances above 0.
    """

    means: NDArray[np.float32]
    components: NDArray[np.float32]
    variances: NDArray[np.float32]
    residual_variance: NDArray[np.float32]

    def distances(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return each image's distance to its nearest group.

        features: (images, features). Returns (images,): the Mahalanobis distance divided by the
        square root of the number of features, so around 1 for images like the known ones.
        Raises ValueError for another number of features.
        """
        self._check(features)
        squares = np.stack([self._squared(features - mean) for mean in self.means])
        return np.asarray(np.sqrt(squares.min(axis=0) / features.shape[1]), np.float64)

    def coordinates(self, features: NDArray[np.floating], most: int) -> NDArray[np.float64]:
        """Return where each image lies along the first components, (images, at most `most`).

        In standard deviations of a group; the mean of the groups' means is at 0. Raises ValueError
        for another number of features.
        """
        self._check(features)
        offsets = features.astype(np.float64) - self.means.mean(axis=0, dtype=np.float64)
        along = offsets @ self.components[:most].T.astype(np.float64)
        return np.asarray(along / np.sqrt(self.variances[:most]), np.float64)

    def _check(self, features: NDArray[np.floating]) -> None:
        if features.ndim != 2 or features.shape[1] != self.means.shape[1]:  # noqa: PLR2004
            raise ValueError(
                f"expected {self.means.shape[1]} features of each image, found an array of "
                f"{features.shape}"
            )

    def _squared(self, offsets: NDArray[np.floating]) -> NDArray[np.float64]:
        exact = offsets.astype(np.float64)
        along = exact @ self.components.T.astype(np.float64)
        beside = np.maximum((exact**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        squares = (along**2 / self.variances).sum(axis=1) + beside / self.residual_variance
        return np.asarray(squares, np.float64)


def fit_statistics(
    features: NDArray[np.floating], groups: Sequence[str], components: int = COMPONENTS
) -> FeatureStatistics:
    """Return the statistics of known images.

    features: (images, features), finite; groups: each image's, such as its class or its source:
    an image near any of them is known. components: at most as many as features - 1 and
    images - groups are used. The same features give the same bytes on the same machine.
    Raises ValueError for other shapes, numbers that are not finite, or no two images of a group.
    """
    names = sorted(set(groups))
    if features.ndim != 2 or len(features) != len(groups) or len(groups) <= len(names):  # noqa: PLR2004
        raise ValueError(
            f"expected features of each image and two images of a group, found an array of "
            f"{features.shape} and {len(groups)} images in {len(names)} groups"
        )
    if not np.isfinite(features).all():
        raise ValueError("expected finite features, found others; check the network's weights")
    places = np.searchsorted(names, groups)
    means = np.stack([features[places == n].mean(axis=0, dtype=float) for n in range(len(names))])
    offsets = features - means[places]
    freedom = len(groups) - len(names)
    variances, directions = np.linalg.eigh(offsets.T @ offsets / freedom)
    kept = min(components, freedom, features.shape[1] - 1)
    return FeatureStatistics(
        means=means.astype(np.float32),
        components=np.ascontiguousarray(directions[:, ::-1][:, :kept].T, dtype=np.float32),
        variances=_positive(variances[::-1][:kept]),
        residual_variance=_positive(variances[::-1][kept:].mean(keepdims=True)),
    )


def _positive(variances: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.maximum(variances, _LEAST_VARIANCE).astype(np.float32)


def choose_threshold(distances: NDArray[np.float64], most_refused: float = 0.01) -> float:
    """Return the least threshold that refuses at most this share of known images.

    distances: of images that the statistics were not fitted to; most_refused: 0 to 1. Images
    further away than the threshold are refused. Raises ValueError where there are none.
    """
    if not len(distances):
        raise ValueError("expected distances of known images, found none")
    refused = int(most_refused * len(distances))
    return float(np.sort(distances)[::-1][min(refused, len(distances) - 1)])


def write_statistics(path: Path, statistics: FeatureStatistics) -> None:
    """Write a plain .npz file; the same statistics give the same bytes. Raises OSError."""
    np.savez(path, allow_pickle=False, **asdict(statistics))


def read_statistics(path: Path) -> FeatureStatistics:
    """Read what `write_statistics` wrote.

    Raises BundleError where the file is anything else, or its arrays do not belong together.
    """
    names = {field.name for field in fields(FeatureStatistics)}
    arrays = read_arrays(path)
    if arrays.keys() != names:
        raise _damaged(path, f"arrays {', '.join(sorted(arrays))}")
    statistics = FeatureStatistics(**arrays)
    if not _belong_together(statistics):
        shapes = [f"{name} {array.dtype} {array.shape}" for name, array in arrays.items()]
        raise _damaged(path, ", ".join(shapes))
    return statistics


def _belong_together(found: FeatureStatistics) -> bool:
    arrays = (found.means, found.components, found.variances, found.residual_variance)
    if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in arrays):
        return False
    if found.means.ndim != 2 or not found.means.size:  # noqa: PLR2004  (groups, features)
        return False
    components, features = len(found.variances), found.means.shape[1]
    return (
        found.components.shape == (components, features)
        and found.variances.shape == (components,)
        and found.residual_variance.shape == (1,)
        and bool((found.variances > 0).all() and (found.residual_variance > 0).all())
    )


def _damaged(path: Path, found: str) -> BundleError:
    return BundleError(
        f"{path}: expected statistics of features (float32 means, components, variances, "
        f"residual_variance), found {found}; get the bundle from its source again"
    )
