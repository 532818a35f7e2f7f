"""Heat-maps of a bundle's members: they show what drives the score, where it lies in the image."""

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import Member
from screening.domain.heat_map import HeatMap
from screening.ensemble.heat_maps import MemberHeatMaps
from screening.errors import NoFeatureMapError, SettingsError
from screening.imaging.network_input.lung_field import Box

pytestmark = pytest.mark.tensorflow
SIDE = 40
CLASSES = ("covid19", "pneumonia", "normal")
BOX = Box(0.1, 0.2, 0.9, 0.8)


def member(**values: object) -> Member:
    """Return a member of three classes."""
    return Member.model_validate(
        {
            "name": "net",
            "architecture": "coronet",
            "classes": CLASSES,
            "input": {"height": SIDE, "width": SIDE, "value_range": (0.0, 1.0)},
            "weights": ({"file": "net.npz", "sha256": "0" * 64, "bytes": 1},),
            **values,
        }
    )


def corner_network() -> keras.Model:
    """Return a network whose first class is scored by the top left quarter alone, nothing else."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = keras.layers.AveragePooling2D(SIDE // 8, name="pooled")(image)
    x = keras.layers.Conv2D(1, 1, use_bias=False, name="kept")(x)
    x = keras.layers.Flatten(name="flattened")(x)
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax", name="last")(x))
    model.get_layer("kept").kernel.assign(np.full((1, 1, 3, 1), 1 / 3))
    weights = np.zeros((8, 8, 1, 3), np.float32)
    weights[:4, :4, 0, 0] = 1
    model.get_layer("last").kernel.assign(weights.reshape(64, 3))
    return model


def lit(rows: slice, columns: slice) -> NDArray[np.float32]:
    """Return a picture that is white there and black elsewhere."""
    image = np.zeros((SIDE, SIDE, 3), np.float32)
    image[rows, columns] = 1
    return image


def values(found: HeatMap) -> NDArray[np.uint8]:
    """Return a map as an array."""
    return np.frombuffer(found.values, np.uint8).reshape(found.rows, found.columns)


def test_the_hottest_cell_is_where_the_score_comes_from() -> None:
    """Of a network that looks at one corner, in an image that shows something there."""
    found, against, nothing = MemberHeatMaps(member(), corner_network()).of(
        lit(slice(0, 10), slice(0, 10)), BOX
    )
    heat = values(found)
    assert (found.member, found.klass, found.rows, found.columns) == ("net", "covid19", 20, 20)
    assert (found.box, found.cells) == ((0.1, 0.2, 0.9, 0.8), (8, 8))
    assert heat[:4, :4].min() == heat.max() == 255
    assert heat[10:].max() == heat[:, 10:].max() == 0
    assert against.is_empty
    assert nothing.is_empty


def test_views_count_where_they_lie() -> None:
    """A mirror image's map is mirrored back, the enlarged middle's put into the middle."""
    network, image = corner_network(), lit(slice(0, 10), slice(30, 40))
    mirrored, *_ = MemberHeatMaps(member(mirrored=True), network).of(image, BOX)
    assert values(mirrored)[:4, -4:].min() == 255
    assert values(mirrored)[:, :10].max() == 0
    middle = lit(slice(10, 15), slice(25, 30))
    enlarged, *_ = MemberHeatMaps(member(mirrored=True, inner=0.5), network).of(middle, BOX)
    heat = values(enlarged)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert row in range(5, 8)
    assert column in range(12, 15)
    assert heat[:3].max() == heat[9:].max() == heat[:, :11].max() == heat[:, 17:].max() == 0


def test_a_map_is_of_what_the_network_learned() -> None:
    """Other weights, another map: no picture's edges that show whatever the network is.

    Source: Adebayo et al. 2018, Sanity Checks for Saliency Maps (parameter randomisation).
    """
    rng = np.random.default_rng(7)
    image = rng.random((SIDE, SIDE, 3), dtype=np.float32)
    entry = keras.Input((SIDE, SIDE, 3), name="image")
    x = keras.layers.Conv2D(16, 5, strides=5, activation="relu", name="seen")(entry)
    x = keras.layers.Flatten(name="flattened")(x)
    network = keras.Model(entry, keras.layers.Dense(3, activation="softmax", name="last")(x))
    network.set_weights([rng.normal(size=one.shape) for one in network.get_weights()])
    learned = values(MemberHeatMaps(member(), network).of(image, BOX)[0])
    for layer in ("last", "seen"):
        kernel = network.get_layer(layer).kernel
        kernel.assign(rng.normal(size=kernel.shape))
        again = values(MemberHeatMaps(member(), network).of(image, BOX)[0])
        assert learned.any()
        assert again.any()
        assert abs(np.corrcoef(learned.ravel(), again.ravel())[0, 1]) < 0.5


def test_a_network_without_a_feature_map_is_named() -> None:
    """It scores, and has no heat-maps."""
    image = keras.Input((8, 8, 3))
    network = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(image)))
    with pytest.raises(NoFeatureMapError, match=r"member net: .*only convolutional networks"):
        MemberHeatMaps(member(), network)


def test_a_runtime_without_gradients_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """On OpenVINO a worker scores, and says what heat-maps need."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(SettingsError, match=r"found them on openvino; set SCREENING_RUNTIME"):
        MemberHeatMaps(member(), corner_network())
