"""Tells upright radiographs from all else by a plane between the features of both.

A distance from the known images finds noise and photographs, but a rotated or inverted chest
radiograph has features near theirs; a plane between both, fitted to known images and to the same
images rotated and inverted, tells them apart.
Source: Hendrycks, Mazeika and Dietterich 2019, Deep Anomaly Detection with Outlier Exposure,
section 3 (outliers made for the purpose teach the detector); a plane is the simplest detector of
this kind.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screening.errors import BundleError
from screening.plain_arrays import read_arrays


@dataclass(frozen=True, slots=True)
class FeatureDiscriminant:
    """A plane. direction: (features,), offset: (1,), both float32 and finite."""

    direction: NDArray[np.float32]
    offset: NDArray[np.float32]

    def outlier_scores(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return (images,): about -1 for upright radiographs, about 1 for anything else.

        features: (images, features). Raises ValueError for another number of features.
        """
        if features.ndim != 2 or features.shape[1] != len(self.direction):  # noqa: PLR2004
            raise ValueError(
                f"expected {len(self.direction)} features of each image, found an array of "
                f"{features.shape}"
            )
        return np.asarray(features.astype(np.float64) @ self.direction + self.offset[0])


def write_discriminant(path: Path, discriminant: FeatureDiscriminant) -> None:
    """Write a plain .npz file; the same plane gives the same bytes. Raises OSError."""
    np.savez(path, allow_pickle=False, **asdict(discriminant))


def read_discriminant(path: Path) -> FeatureDiscriminant:
    """Read what `write_discriminant` wrote; raises BundleError where the file is anything else."""
    names = {field.name for field in fields(FeatureDiscriminant)}
    arrays = read_arrays(path)
    if arrays.keys() != names:
        raise _damaged(path, f"arrays {', '.join(sorted(arrays))}")
    found = FeatureDiscriminant(**arrays)
    well_formed = found.direction.ndim == 1 and found.direction.size and found.offset.shape == (1,)
    if not well_formed or any(
        array.dtype != np.float32 or not np.isfinite(array).all() for array in arrays.values()
    ):
        shapes = [f"{name} {array.dtype} {array.shape}" for name, array in arrays.items()]
        raise _damaged(path, ", ".join(shapes))
    return found


def _damaged(path: Path, found: str) -> BundleError:
    return BundleError(
        f"{path}: expected a plane between features (float32 direction, offset), found {found}; "
        "get the bundle from its source again"
    )
