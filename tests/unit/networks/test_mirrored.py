"""A network that is asked about the mirror image, too."""

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras

from screening.networks.feature_maps import with_features
from screening.networks.mirrored import with_mirror

pytestmark = pytest.mark.tensorflow


def lopsided_network() -> keras.Model:
    """Return a network whose answer depends on the side that something lies on."""
    image = keras.Input((6, 8, 3), name="image")
    x = keras.layers.Flatten(name="flattened")(image)
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="out")(x))


def images() -> np.ndarray:
    """Return five images."""
    return np.random.default_rng(3).uniform(-1, 1, (5, 6, 8, 3)).astype(np.float32)


def test_the_answer_is_the_mean_of_both() -> None:
    """Columns are turned round, not rows or channels."""
    network = lopsided_network()
    own, mirror = (np.asarray(network(each)) for each in (images(), images()[:, :, ::-1]))
    assert not np.allclose(own, mirror)
    np.testing.assert_allclose(with_mirror(network)(images()), (own + mirror) / 2, atol=1e-6)


def test_features_stay_the_radiographs_own() -> None:
    """The picture check was fitted to upright pictures as they came."""
    network = with_features(lopsided_network(), "flattened")
    answers, features = with_mirror(network)(images())
    own_answers, own_features = network(images())
    assert not np.allclose(answers, own_answers)
    np.testing.assert_array_equal(features, own_features)
