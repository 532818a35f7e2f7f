"""A class activation map shows what drives a class, for every network there is."""

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
import numpy as np
from numpy.typing import NDArray

from screening.networks.feature_maps import last_feature_map
from screening.networks.grad_cam import GradCam
from training.networks.catalogue import TRAINING_ARCHITECTURES

pytestmark = pytest.mark.tensorflow

LAST_FEATURE_MAPS = {
    "concatenated": "fused_features",
    "coronet": "block14_sepconv2_act",
    "xception": "block14_sepconv2_act",
    "resnet50v2": "post_relu",
    "soares_vgg16": "block5_conv3",
    "soares_xception": "block14_sepconv2_act",
    "soares_resnet50": "conv5_block3_out",
    "amini_vgg19": "block5_conv4",
}


def corner_network() -> keras.Model:
    """Return a network whose class 0 adds up the top left quarter, and class 1 takes it away.

    Class 2 sees nothing at all.
    """
    image = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Conv2D(1, 1, use_bias=False, name="grey")(image)
    x = keras.layers.AveragePooling2D(4, name="pooled")(x)
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="kept")(x)
    x = keras.layers.Flatten(name="flattened")(x)
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax", name="last")(x))
    model.get_layer("grey").kernel.assign(np.full((1, 1, 3, 1), 1 / 3))
    model.get_layer("kept").kernel.assign(np.float32([[[[1, 1]]]]))
    weights = np.zeros((8, 8, 2, 3), np.float32)
    weights[:4, :4, 0, 0] = 1
    weights[:4, :4, 0, 1] = -1
    model.get_layer("last").kernel.assign(weights.reshape(128, 3))
    return model


def lit(rows: slice, columns: slice) -> NDArray[np.float32]:
    """Return a picture that is white there and black elsewhere."""
    image = np.zeros((32, 32, 3), np.float32)
    image[rows, columns] = 1
    return image


def test_the_map_peaks_where_the_evidence_is() -> None:
    """What drives the class is 1, what the picture does not show is 0."""
    found = GradCam(corner_network()).map(lit(slice(0, 12), slice(0, 12)), 0)
    assert found.dtype == np.float32
    assert found[4, 4] == 1
    assert found.max() == 1
    assert found[20:, 20:].max() == 0
    assert found[20:, :10].max() == 0


def test_what_speaks_against_a_class_does_not_show() -> None:
    """A negative gradient gives no heat, and no number that is none."""
    found = GradCam(corner_network()).map(lit(slice(0, 12), slice(0, 12)), 1)
    assert not found.any()


def test_a_class_without_gradients_has_an_empty_map() -> None:
    """No evidence is 0 everywhere."""
    found = GradCam(corner_network()).map(lit(slice(0, 32), slice(0, 32)), 2)
    assert found.shape == (32, 32)
    assert not found.any()


def test_certainty_does_not_hide_the_evidence() -> None:
    """Where the softmax is 1.0 its gradient is 0: the map comes from the score before it."""
    model = corner_network()
    model.get_layer("last").bias.assign([500, 0, 0])
    image = lit(slice(0, 12), slice(0, 12))
    assert np.asarray(model(image[np.newaxis]))[0, 0] == 1
    assert GradCam(model).map(image, 0).max() == 1


def test_a_frozen_network_explains_itself_too() -> None:
    """No weight needs to be trainable."""
    model = corner_network()
    model.trainable = False
    assert GradCam(model).map(lit(slice(0, 12), slice(0, 12)), 0).max() == 1


@pytest.mark.parametrize("name", LAST_FEATURE_MAPS)
def test_every_network_has_maps(name: str) -> None:
    """Of the picture's size, from 0 to 1, at the paper's last convolution."""
    architecture = TRAINING_ARCHITECTURES[name]
    side, classes = 75, len(architecture.classes)
    model = architecture.build((side, side, 3), classes)
    image = np.random.default_rng(3).random((side, side, 3), dtype=np.float32)
    assert last_feature_map(model) == LAST_FEATURE_MAPS[name]
    found = GradCam(model).map(image, classes - 1)
    assert found.shape == (side, side)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1


@pytest.mark.parametrize("class_index", [-1, 3])
def test_a_class_that_is_not_there_is_refused(class_index: int) -> None:
    """Python would take -1 as the last class."""
    with pytest.raises(ValueError, match=f"from 0 to 2, found {class_index}"):
        GradCam(corner_network()).map(lit(slice(0, 1), slice(0, 1)), class_index)


def test_a_network_without_convolutions_has_no_map() -> None:
    """It says what is missing."""
    image = keras.Input((8, 8, 3))
    answers = keras.layers.Dense(2)(keras.layers.Flatten()(image))
    with pytest.raises(ValueError, match="only convolutional networks"):
        GradCam(keras.Model(image, answers))


def test_a_network_that_ends_otherwise_is_refused() -> None:
    """The score before softmax is known of dense layers alone."""
    image = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="expected a dense last layer, found GlobalAverage"):
        GradCam(keras.Model(image, keras.layers.GlobalAveragePooling2D()(image)))
