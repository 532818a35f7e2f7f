"""Every network of the papers can be built, trained, saved and loaded."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
import numpy as np
from numpy.typing import NDArray

from screening.domain.scores import SCORE_TOLERANCE
from screening.networks.weights import load_weights
from training.networks.catalogue import TRAINING_ARCHITECTURES
from training.networks.freezing import HEAD_LAYERS, freeze_convolutions, with_new_head
from training.networks.precision import with_precision
from training.protocols.protocol import LearningLayers
from training.protocols.registry import PROTOCOLS
from training.runs.checkpoint import save_network
from training.runs.request import Precision

pytestmark = pytest.mark.tensorflow

HEAD_SWAPPED = {"coronet_3", "coronet_2"}
"""CoroNet with another last layer: trained below as such."""


def smallest_side(name: str) -> int:
    """Return the shortest side, in pixels, that a network takes."""
    return 32 if any(kind in name for kind in ("vgg", "resnet")) else 71


def four_images(side: int, outputs: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return four random images and scores, every class among them."""
    images = np.random.default_rng(0).random((4, side, side, 3), dtype=np.float32)
    predictions = np.arange(4) % max(outputs, 2)
    targets = np.eye(outputs)[predictions] if outputs > 1 else predictions[:, np.newaxis]
    return images, targets.astype(np.float32)


def train_two_steps(model: keras.Model, name: str) -> None:
    """Train as the protocols with this network do."""
    protocol = next(each for each in PROTOCOLS.values() if each.architecture == name)
    if protocol.learning is LearningLayers.HEAD:
        freeze_convolutions(model)
    # Built graphs pay off after many steps only.
    model.compile(protocol.optimizer.value, protocol.loss.value, run_eagerly=True)
    images, targets = four_images(model.input_shape[1], model.output_shape[1])
    for _ in range(2):
        assert np.isfinite(model.train_on_batch(images, targets))


@pytest.mark.parametrize("name", sorted(TRAINING_ARCHITECTURES.keys() - HEAD_SWAPPED))
def test_a_network_trains_and_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    """After two steps on four images weights have moved, and saved and loaded ones agree.

    Frozen convolutions have not moved.
    """
    architecture = TRAINING_ARCHITECTURES[name]
    outputs = len(architecture.classes)
    shape = (smallest_side(name), smallest_side(name), 3)
    model = architecture.build(shape, outputs)
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    train_two_steps(model, name)
    moved = {
        layer
        for layer, weights in before.items()
        if any(map(np.any, map(np.subtract, model.get_layer(layer).get_weights(), weights)))
    }
    frozen = name.startswith(("soares", "amini"))
    assert moved == ({"hidden", "probabilities"} if frozen else before.keys())

    save_network(tmp_path / "weights.npz", model)
    loaded = architecture.build(shape, outputs)
    load_weights(loaded, [tmp_path / "weights.npz"])
    images, _ = four_images(shape[0], outputs)
    predictions = np.asarray(model(images, training=False))
    assert predictions.shape == (4, outputs)
    again = np.asarray(loaded(images, training=False))
    np.testing.assert_allclose(again, predictions, atol=SCORE_TOLERANCE)


def test_coronet_takes_another_head() -> None:
    """The 3-class and binary networks have the 4-class one's weights but for the last layer."""
    four = TRAINING_ARCHITECTURES["coronet"].build((71, 71, 3), 4)
    for name in sorted(HEAD_SWAPPED):
        classes = len(TRAINING_ARCHITECTURES[name].classes)
        model = with_new_head(four, classes)
        assert model.output_shape == (None, classes)
        for layer in four.layers:
            if layer.name != "probabilities":
                kept = model.get_layer(layer.name).get_weights()
                assert all(map(np.array_equal, kept, layer.get_weights()))
    train_two_steps(model, name)


def test_the_catalogue_counts_the_parameters_right() -> None:
    """`parameters` is what a network has at its paper's size."""
    for name, architecture in TRAINING_ARCHITECTURES.items():
        if name.startswith(("soares", "amini")) or name in {"xception", "resnet50v2"}:
            shape = (architecture.height, architecture.width, 3)
            model = architecture.build(shape, len(architecture.classes))
            assert model.count_params() == architecture.parameters, name


def test_every_protocol_names_a_network_that_fits() -> None:
    """Size and number of classes of a protocol are those of its network in the catalogue."""
    for protocol in PROTOCOLS.values():
        architecture = TRAINING_ARCHITECTURES[protocol.architecture]
        assert (protocol.height, protocol.width) == (architecture.height, architecture.width)
        assert protocol.classes[: protocol.outputs] == architecture.classes


def test_mixed_precision_keeps_weights_and_answers_in_float32() -> None:
    """Arithmetic is bfloat16, weights and probabilities are float32, and layers keep their names.

    Head layers are found by name, so a cast network must have them.
    """
    plain = TRAINING_ARCHITECTURES["soares_vgg16"].build((32, 32, 3), 3)
    mixed = with_precision(plain, Precision.MIXED_BFLOAT16)
    images, _ = four_images(32, 3)
    assert mixed.get_layer("block1_conv1").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    assert [layer.name for layer in mixed.layers] == [layer.name for layer in plain.layers]
    predictions = np.asarray(mixed(images, training=False))
    assert predictions.dtype == np.float32
    assert np.asarray(plain(images, training=False)) == pytest.approx(predictions, abs=0.02)
    assert {"hidden", "probabilities"} <= {layer.name for layer in mixed.layers} & HEAD_LAYERS
