"""The plane of a outlier check, and its file."""

from pathlib import Path

import numpy as np
import pytest

from screening.ensemble.feature_discriminant import (
    FeatureDiscriminant,
    read_discriminant,
    write_discriminant,
)
from screening.errors import BundleError

PLANE = FeatureDiscriminant(np.float32([1, -2, 0]), np.float32([0.5]))


def test_outlier_scores_grow_along_the_direction() -> None:
    """The scalar product with the direction, and the offset."""
    found = PLANE.outlier_scores(np.float32([[0, 0, 9], [1, 0, 0], [0, 1, 0]]))
    assert found.tolist() == [0.5, 1.5, -1.5]
    with pytest.raises(ValueError, match="expected 3 features of each image"):
        PLANE.outlier_scores(np.zeros((1, 4), np.float32))


def test_a_plane_comes_back(tmp_path: Path) -> None:
    """What was written is read; the same plane gives the same bytes."""
    write_discriminant(tmp_path / "plane.npz", PLANE)
    write_discriminant(tmp_path / "again.npz", PLANE)
    found = read_discriminant(tmp_path / "plane.npz")
    np.testing.assert_array_equal(found.direction, PLANE.direction)
    np.testing.assert_array_equal(found.offset, PLANE.offset)
    assert (tmp_path / "plane.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()


@pytest.mark.parametrize(
    "arrays",
    [
        {"direction": np.ones(3, np.float32)},
        {"direction": np.ones(3, np.float32), "offset": np.ones(2, np.float32)},
        {"direction": np.ones((3, 1), np.float32), "offset": np.ones(1, np.float32)},
        {"direction": np.ones(3), "offset": np.ones(1)},
        {"direction": np.float32([np.nan]), "offset": np.ones(1, np.float32)},
        {"direction": np.ones(0, np.float32), "offset": np.ones(1, np.float32)},
    ],
    ids=["missing", "offsets", "shape", "type", "not finite", "empty"],
)
def test_other_files_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Each names the file and what was expected in it."""
    path = tmp_path / "plane.npz"
    np.savez(path, allow_pickle=False, **arrays)
    with pytest.raises(BundleError, match="expected a plane between features"):
        read_discriminant(path)
    path.write_bytes(b"no archive")
    with pytest.raises(BundleError, match=r"expected a \.npz file of plain arrays"):
        read_discriminant(path)
