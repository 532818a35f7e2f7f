"""A network that is asked about the mirror image and the middle of a radiograph, too."""

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras

from screening.domain.scores import SCORE_TOLERANCE
from screening.networks.feature_maps import with_features
from screening.networks.test_time_augmentation import with_test_time_augmentation

pytestmark = pytest.mark.tensorflow


def lopsided_network() -> keras.Model:
    """Return a network whose answer depends on the place that something lies at."""
    image = keras.Input((10, 20, 3), name="image")
    x = keras.layers.Flatten(name="flattened")(image)
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="out")(x))


def images() -> np.ndarray:
    """Return five images."""
    return np.random.default_rng(3).uniform(-1, 1, (5, 10, 20, 3)).astype(np.float32)


def ramp(columns: np.ndarray) -> np.ndarray:
    """Return one image whose grey grows from left to right; columns: (20,) places in it."""
    grey = (columns / 10 - 1).astype(np.float32)
    return np.broadcast_to(grey[np.newaxis, np.newaxis, :, np.newaxis], (1, 10, 20, 3))


def test_the_answer_is_the_mean_over_the_mirror_images() -> None:
    """Columns are turned round, not rows or channels."""
    network = lopsided_network()
    own, mirror = (np.asarray(network(each)) for each in (images(), images()[:, :, ::-1]))
    assert not np.allclose(own, mirror)
    asked = with_test_time_augmentation(network, mirrored=True)
    np.testing.assert_allclose(asked(images()), (own + mirror) / 2, atol=SCORE_TOLERANCE)


def test_the_middle_is_enlarged_to_the_whole() -> None:
    """A tenth of the height and of the width goes on each side; bilinear."""
    network = lopsided_network()
    places = np.arange(20)
    enlarged = np.clip((places + 0.5) * 0.8 - 0.5, 0, 15) + 2
    own, middle = (np.asarray(network(ramp(columns))) for columns in (places, enlarged))
    asked = with_test_time_augmentation(network, inner=0.8)
    assert not np.allclose(asked(ramp(places)), own, atol=1e-3)
    np.testing.assert_allclose(asked(ramp(places)), (own + middle) / 2, atol=SCORE_TOLERANCE)


def test_each_picture_of_a_batch_gets_its_own_views() -> None:
    """Both at once are four views; a batch answers as its pictures do one by one."""
    network = lopsided_network()
    asked = with_test_time_augmentation(network, mirrored=True, inner=0.8)
    together = np.asarray(asked(images()))
    alone = np.concatenate([np.asarray(asked(images()[n : n + 1])) for n in range(5)])
    np.testing.assert_allclose(together, alone, atol=SCORE_TOLERANCE)
    halves = [
        np.asarray(with_test_time_augmentation(network, inner=0.8)(each))
        for each in (images(), images()[:, :, ::-1])
    ]
    np.testing.assert_allclose(together, sum(halves) / 2, atol=SCORE_TOLERANCE)


def test_features_stay_the_radiographs_own() -> None:
    """The outlier check was fitted to upright pictures as they came."""
    network = with_features(lopsided_network(), "flattened")
    answers, features = with_test_time_augmentation(network, mirrored=True, inner=0.8)(images())
    own_answers, own_features = network(images())
    assert not np.allclose(answers, own_answers)
    np.testing.assert_allclose(features, own_features, rtol=1e-5)


def test_without_views_the_network_is_asked_once() -> None:
    """Nothing is put around it."""
    network = lopsided_network()
    assert with_test_time_augmentation(network) is network
