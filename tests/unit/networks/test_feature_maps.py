"""Features come beside the probabilities, in one pass."""

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
import numpy as np

from screening.domain.scores import SCORE_TOLERANCE
from screening.errors import BundleError
from screening.networks.feature_maps import with_features

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Return a network with a feature map and a hidden layer."""
    image = keras.Input((12, 10, 3), name="image")
    x = keras.layers.Conv2D(5, 3, name="convolution")(image)
    x = keras.layers.Reshape((-1, 5), name="reshaped")(x)
    x = keras.layers.Flatten(name="flattened")(x)
    x = keras.layers.Dense(4, activation="relu", name="hidden")(x)
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="last")(x))


@pytest.mark.parametrize(("layer", "features"), [("convolution", 5), ("hidden", 4)])
def test_a_layer_gives_its_features(network: keras.Model, layer: str, features: int) -> None:
    """A map's means, or a dense layer's output; the probabilities stay what they are."""
    images = np.random.default_rng(0).random((2, 12, 10, 3), dtype=np.float32)
    both = with_features(network, layer)
    probabilities, found = (np.asarray(output) for output in both(images))
    np.testing.assert_allclose(probabilities, np.asarray(network(images)), atol=SCORE_TOLERANCE)
    expected = np.asarray(keras.Model(network.input, network.get_layer(layer).output)(images))
    assert found.shape == (2, features)
    np.testing.assert_allclose(
        found, expected.mean(axis=(1, 2)) if expected.ndim == 4 else expected, atol=1e-5
    )


def test_both_outputs_share_the_weights(network: keras.Model) -> None:
    """Weights loaded later count for both."""
    both = with_features(network, "hidden")
    assert {id(weight) for weight in both.weights} == {id(weight) for weight in network.weights}


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [("absent", "expected a layer named absent, found none"), ("reshaped", "layer reshaped: exp")],
)
def test_a_layer_without_features_is_refused(
    network: keras.Model, layer: str, complaint: str
) -> None:
    """A manifest that names a wrong layer is at fault."""
    with pytest.raises(BundleError, match=complaint):
        with_features(network, layer)
