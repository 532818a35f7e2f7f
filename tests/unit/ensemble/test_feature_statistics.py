"""Distances from known pictures, and the file that holds what they are measured by."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from screening.ensemble.feature_statistics import (
    FeatureStatistics,
    choose_threshold,
    fit_statistics,
    read_statistics,
    write_statistics,
)
from screening.errors import BundleError

FEATURES = 12


def known_pictures(count: int, seed: int) -> tuple[NDArray[np.float32], list[str]]:
    """Return features of two groups, far apart, wide along three directions."""
    random = np.random.default_rng(seed)
    wide = np.array([5, 3, 2] + [0.1] * (FEATURES - 3))
    features = random.standard_normal((count, FEATURES)) * wide
    groups = ["adult" if n % 2 else "child" for n in range(count)]
    features[::2, 5] += 50
    return features.astype(np.float32), groups


@pytest.fixture(scope="module")
def statistics() -> FeatureStatistics:
    """Return statistics of four hundred known pictures."""
    return fit_statistics(*known_pictures(400, 1), components=3)


def test_known_pictures_are_near(statistics: FeatureStatistics) -> None:
    """Pictures like those that were fitted have a distance around 1, in either group."""
    distances = statistics.distances(known_pictures(400, 2)[0])
    assert distances.mean() == pytest.approx(1, abs=0.1)
    assert distances.max() < 2


def test_distance_counts_by_what_is_usual(statistics: FeatureStatistics) -> None:
    """The same step is far where pictures vary little, and near where they vary much."""
    start = statistics.means[0]
    along, across = (start + 4 * np.eye(FEATURES)[place] for place in (0, FEATURES - 1))
    near, far = statistics.distances(np.stack([along, across]))
    assert near < 1
    assert far > 5


def test_between_two_groups_is_far(statistics: FeatureStatistics) -> None:
    """A picture between the groups is like neither."""
    middle = statistics.means.mean(axis=0, keepdims=True)
    assert statistics.distances(middle)[0] > 50


def test_all_components_give_the_mahalanobis_distance() -> None:
    """With every direction kept but one it is the distance by the inverse covariance."""
    features, _ = known_pictures(60, 3)
    found = fit_statistics(features, ["all"] * 60, components=FEATURES)
    inverse = np.linalg.inv(np.cov(features.T))
    offsets = features - features.mean(axis=0)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", offsets, inverse, offsets) / FEATURES)
    np.testing.assert_allclose(found.distances(features), expected, rtol=1e-3)


def test_few_pictures_and_features_that_never_vary_will_do() -> None:
    """Fewer pictures than features, and a dead feature, give finite distances."""
    features = np.zeros((5, FEATURES), np.float32)
    features[:, 0] = range(5)
    found = fit_statistics(features, ["all"] * 5)
    distances = found.distances(np.vstack([features, np.ones((1, FEATURES), np.float32)]))
    assert np.isfinite(distances).all()
    assert distances[-1] > 1000 * distances[:-1].max()


@pytest.mark.parametrize(
    ("features", "groups"),
    [
        (np.zeros(4), ["a"] * 4),
        (np.zeros((4, 2)), ["a"] * 3),
        (np.zeros((2, 2)), ["a", "b"]),
        (np.full((4, 2), np.nan), ["a"] * 4),
    ],
    ids=["one dimension", "a group too few", "no two of a group", "not finite"],
)
def test_features_that_cannot_be_fitted_are_refused(
    features: NDArray[np.float64], groups: list[str]
) -> None:
    """A mistake of the caller is told before a file is written."""
    with pytest.raises(ValueError, match="expected"):
        fit_statistics(features, groups)


def test_another_number_of_features_is_refused(statistics: FeatureStatistics) -> None:
    """Statistics of another layer measure nothing."""
    with pytest.raises(ValueError, match=r"expected 12 features .* \(2, 5\)"):
        statistics.distances(np.zeros((2, 5)))


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=300).map(np.array),
    st.sampled_from([0.0, 0.01, 0.05, 0.5]),
)
def test_the_threshold_refuses_no_more_than_it_may(
    distances: NDArray[np.float64], share: float
) -> None:
    """At most the share is refused, and any known distance below would refuse too many."""
    threshold = choose_threshold(distances, share)
    assert (distances > threshold).sum() <= share * len(distances)
    lower = distances[distances < threshold]
    if lower.size:
        assert (distances > lower.max()).sum() > share * len(distances)


def test_a_threshold_needs_pictures() -> None:
    """Of none nothing follows."""
    with pytest.raises(ValueError, match="found none"):
        choose_threshold(np.array([]))


def test_statistics_are_read_as_they_were_written(
    tmp_path: Path, statistics: FeatureStatistics
) -> None:
    """Fitting and writing twice gives the same bytes, reading the same distances."""
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    write_statistics(first, statistics)
    write_statistics(second, fit_statistics(*known_pictures(400, 1), components=3))
    assert first.read_bytes() == second.read_bytes()
    features, _ = known_pictures(9, 4)
    read = read_statistics(first)
    assert np.array_equal(read.distances(features), statistics.distances(features))


@pytest.mark.parametrize(
    "change",
    [
        {"means": None},
        {"other": np.zeros(1, np.float32)},
        {"means": np.zeros((2, FEATURES))},
        {"means": np.zeros(FEATURES, np.float32)},
        {"components": np.zeros((2, FEATURES), np.float32)},
        {"variances": np.zeros(3, np.float32)},
        {"residual_variance": np.float32([np.nan])},
    ],
    ids=["missing", "surplus", "float64", "flat", "too few", "zero variance", "not finite"],
)
def test_arrays_that_do_not_belong_together_are_refused(
    tmp_path: Path, statistics: FeatureStatistics, change: dict[str, NDArray[Any] | None]
) -> None:
    """A wrong file stops the bundle, not its first picture."""
    path = tmp_path / "statistics.npz"
    write_statistics(path, statistics)
    with np.load(path) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    np.savez(path, **{k: v for k, v in (arrays | change).items() if v is not None})
    with pytest.raises(BundleError, match=r"statistics\.npz: expected statistics of features"):
        read_statistics(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """What is no .npz file is never executed or guessed at."""
    path = tmp_path / "statistics.npz"
    path.write_bytes(content)
    with pytest.raises(BundleError, match="get the bundle from its source again"):
        read_statistics(path)
