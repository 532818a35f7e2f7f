"""Probabilities in which COVID-19 counts for what sets it against normal lungs."""

import keras
import numpy as np
import pytest

from screening.networks.against_normal import with_against_normal
from screening.networks.scoring_form import ScoringForm

CLASSES = ("covid19", "bacterial_pneumonia", "viral_pneumonia", "normal")
ROWS = np.array([[0.2, 0.1, 0.1, 0.6], [0.2, 0.3, 0.3, 0.2], [0.0, 0.5, 0.5, 0.0]], np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Return a network whose probabilities, and whose features, are its input."""
    values = keras.Input((4,))
    same = keras.layers.Identity()(values)
    return keras.Model(values, [same, values])


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_share_of_normals_logarithm_is_taken_from_covid19s(
    network: keras.Model, share: float
) -> None:
    """The odds of COVID-19 fall with normal's probability; all other odds stay."""
    found, features = (
        np.asarray(out) for out in with_against_normal(network, CLASSES, share)(ROWS)
    )
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(features, ROWS)
    for was, now in zip(ROWS[:2], found[:2], strict=True):
        assert now[0] / now[3] == pytest.approx(was[0] / was[3] / was[3] ** share, rel=1e-4)
        np.testing.assert_allclose(now[1:] / now[3], was[1:] / was[3], rtol=1e-4)


def test_of_two_images_alike_in_covid19_the_less_normal_one_comes_first(
    network: keras.Model,
) -> None:
    """Which the probability of COVID-19 alone cannot say."""
    found = np.asarray(with_against_normal(network, CLASSES, 0.5)(ROWS)[0])
    assert ROWS[0, 0] == ROWS[1, 0]
    assert found[1, 0] > found[0, 0]


def test_the_order_of_the_classes_does_not_matter(network: keras.Model) -> None:
    """The columns are found by their names."""
    usual = np.asarray(with_against_normal(network, CLASSES, 0.5)(ROWS)[0])
    turned = np.asarray(with_against_normal(network, CLASSES[::-1], 0.5)(ROWS[:, ::-1])[0])
    np.testing.assert_allclose(turned[:, ::-1], usual, rtol=1e-5)


def test_without_a_share_the_network_is_itself(network: keras.Model) -> None:
    """And no graph grows."""
    assert with_against_normal(network, CLASSES, 0.0) is network
    assert ScoringForm(classes=CLASSES).of(network) is network


def test_zeros_stay_finite(network: keras.Model) -> None:
    """A probability of nothing has no logarithm."""
    assert np.isfinite(np.asarray(with_against_normal(network, CLASSES, 1.0)(ROWS)[0])).all()
