"""A label that allows several classes teaches what it can."""

import pytest

pytest.importorskip("tensorflow", reason="the loss is Keras's")

from dataclasses import replace

import keras
import numpy as np

from screening.imaging.network_input.preprocess import InputSpec
from tests.unit.training_networks.conftest import build_tiny
from training.augmentation.appearance import AppearanceAugmentation
from training.fit.devices import Replicas
from training.fit.loop import PhasePlan, prepare, train_step
from training.fit.partial_label import allowed_accuracy, partial_label_loss
from training.inference.outputs import predict, score
from training.inputs.batches import Batch, BatchOptions, Drawn, RadiographBatches
from training.networks.freezing import freeze_named
from training.protocols.protocol import Loss, Schedule

pytestmark = pytest.mark.tensorflow

ALLOWED = np.array([[1, 0, 0], [0, 1, 1], [0, 1, 0]], np.float32)
FOUND = np.array([[0.7, 0.2, 0.1], [0.4, 0.3, 0.3], [0.1, 0.2, 0.7]], np.float32)


def test_one_allowed_class_is_categorical_crossentropy() -> None:
    """Only an image whose label allows several is treated otherwise."""
    found = keras.ops.convert_to_numpy(partial_label_loss(ALLOWED, FOUND))
    expected = keras.ops.convert_to_numpy(keras.losses.categorical_crossentropy(ALLOWED, FOUND))
    assert found[[0, 2]] == pytest.approx(expected[[0, 2]], rel=1e-5)
    assert found[1] == pytest.approx(-np.log(0.6), rel=1e-5)


def test_any_allowed_class_is_right() -> None:
    """The most probable class need only be one of those that the label allows."""
    found = np.array([[0.1, 0.8, 0.1], [0.2, 0.1, 0.7], [0.5, 0.3, 0.2]], np.float32)
    right = keras.ops.convert_to_numpy(allowed_accuracy(ALLOWED, found))
    assert right.tolist() == [0, 1, 0]


def test_scores_count_any_allowed_class() -> None:
    """Validation judges by the same rule as training."""
    images = np.zeros((3, 64, 64), np.float32)
    batches = RadiographBatches(images, ALLOWED, InputSpec(64, 64), BatchOptions(batch_size=2))
    model = build_tiny((64, 64, 3), 3)
    found = predict(model, batches)
    predictions = found.argmax(axis=1)
    expected = np.mean([ALLOWED[place, scorer] for place, scorer in enumerate(predictions)])
    scored = score(model, batches, Loss.PARTIAL_LABEL)
    assert scored.accuracy == pytest.approx(expected)
    assert scored.loss == pytest.approx(-np.log((ALLOWED * found).sum(axis=1)).mean(), rel=1e-5)


def test_an_epoch_is_drawn_anew() -> None:
    """Drawn images come by their chances, others than in the epoch before, changed each time."""
    images = np.full((4, 64, 64), 100, np.uint8)
    batches = RadiographBatches(
        images,
        np.eye(4, dtype=np.float32),
        InputSpec(64, 64),
        BatchOptions(
            batch_size=64,
            augment=AppearanceAugmentation(),
            drawn=Drawn(np.array([0.0, 0.25, 0.25, 0.5]), images=64),
        ),
    )
    first = batches.batch(0)
    numbers = first.targets.sum(axis=0)
    assert (batches.size, len(batches)) == (64, 1)
    assert numbers[0] == 0
    assert numbers[3] > numbers[1] > 0
    same = first.images[first.targets[:, 3] == 1]
    assert len({image.tobytes() for image in same}) == len(same)
    batches.begin_epoch(1)
    assert not np.array_equal(batches.batch(0).targets, first.targets)
    batches.begin_epoch(0)
    assert np.array_equal(batches.batch(0).images, first.images)


@pytest.mark.parametrize("kept", [True, False])
def test_kept_statistics_do_not_learn(*, kept: bool) -> None:
    """A normalisation keeps statistics and parameters where the phase says so, else it learns."""
    model = build_tiny((64, 64, 3), 3)
    phase = PhasePlan(
        batches=RadiographBatches(
            np.zeros((1, 64, 64), np.float32),
            ALLOWED[:1],
            InputSpec(64, 64),
            BatchOptions(batch_size=1),
        ),
        epochs=1,
        learning_rate=0.1,
        keeps_statistics=kept,
    )
    prepare(model, phase, Replicas())
    before = [np.copy(weight) for weight in model.get_layer("conv_bn").get_weights()]
    images = np.random.default_rng(0).random((4, 64, 64, 3), dtype=np.float32)
    train_step(model, Batch(images, np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]), Replicas())
    after = model.get_layer("conv_bn").get_weights()
    changed = [not np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert any(changed) is not kept


def test_frozen_layers_do_not_learn() -> None:
    """Layers are named by how their names begin; the others learn."""
    model = build_tiny((64, 64, 3), 3)
    freeze_named(model, ("conv",))
    learning = {layer.name for layer in model.layers if layer.weights and layer.trainable}
    assert learning == {"hidden", "probabilities"}


def test_the_rate_falls_as_a_cosine() -> None:
    """From the protocol's rate, through half of it, towards 0; constant without a schedule."""
    batches = RadiographBatches(
        np.zeros((1, 64, 64), np.float32),
        ALLOWED[:1],
        InputSpec(64, 64),
        BatchOptions(batch_size=1),
    )
    plan = PhasePlan(batches=batches, epochs=4, learning_rate=0.2, schedule=Schedule.COSINE)
    assert [plan.rate(epoch) for epoch in (0, 2)] == pytest.approx([0.2, 0.1])
    assert plan.rate(3) < plan.rate(2)
    assert replace(plan, schedule=Schedule.CONSTANT).rate(3) == 0.2
