"""The linear classifier behind the source probe and the outlier check."""

import numpy as np
import pytest

from training.evaluation.ridge import fit_plane

RANDOM = np.random.default_rng(0)


def test_classes_apart_are_told() -> None:
    """Three classes along different features, one of them rare."""
    classes = np.repeat([0, 1, 2], [50, 50, 5])
    features = RANDOM.normal(size=(105, 4)) + 8 * np.eye(4)[classes]
    found = fit_plane(features, classes).values(features)
    assert (found.argmax(axis=1) == classes).all()


def test_more_features_than_pictures_give_the_same() -> None:
    """Solved in images or in features, the plane is one."""
    classes = np.arange(40) % 2
    features = RANDOM.normal(size=(40, 30)) + classes[:, np.newaxis]
    direct = fit_plane(features, classes)
    repeated = fit_plane(np.tile(features, 2), classes, penalty=0.2)
    np.testing.assert_allclose(
        direct.values(features), repeated.values(np.tile(features, 2)), atol=1e-9
    )


def test_a_feature_without_spread_does_no_harm() -> None:
    """A constant feature has no say."""
    classes = np.arange(20) % 2
    features = np.stack([classes + RANDOM.normal(0, 0.1, 20), np.full(20, 3.0)], axis=1)
    found = fit_plane(features, classes)
    assert found.values(features).argmax(axis=1).tolist() == classes.tolist()
    assert found.values(features).sum(axis=1) == pytest.approx(0, abs=1e-9)
