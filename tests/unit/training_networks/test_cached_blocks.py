"""Lower blocks' scores, kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras

from screening.imaging.network_input.preprocess import InputSpec
from screening.networks.architectures import Architecture
from screening.networks.concatenated import build_concatenated
from screening.networks.coronet import build_coronet
from tests.training.packed_images import packed_site, small_protocol
from tests.training.quiet_report import QuietReport
from training.augmentation.geometry import GeometricAugmentation
from training.errors import TrainingError
from training.fit.train_protocol import run_protocol
from training.inputs.batches import BatchOptions, RadiographBatches
from training.inputs.cached_features import FeatureBatches, keep_features
from training.networks.split_at_block import above, below
from training.runs.checkpoint import read_arrays_of
from training.runs.folder import read_run
from training.runs.history import read_history
from training.runs.request import RunRequest

pytestmark = pytest.mark.tensorflow
SIDE = 71


@pytest.mark.parametrize("block", [5, 13])
def test_both_parts_together_are_the_network(block: int) -> None:
    """What the upper part makes of the lower one's scores is what the network scores."""
    model = build_coronet((SIDE, SIDE, 3), 4)
    lower, upper = below(model, block), above(model, block)
    images = np.random.default_rng(0).random((2, SIDE, SIDE, 3), dtype=np.float32)
    found = upper.predict_on_batch(lower.predict_on_batch(images))
    assert found == pytest.approx(model.predict_on_batch(images), abs=1e-6)
    names = {layer.name for layer in upper.layers}
    assert f"block{block}_sepconv1" in names
    assert f"block{block - 1}_sepconv1" not in names


def test_other_networks_are_refused() -> None:
    """Two backbones have no single cut; a block that is none is named."""
    with pytest.raises(TrainingError, match="Xception alone"):
        above(build_concatenated((75, 75, 3), 3), 9)
    with pytest.raises(TrainingError, match=r"blocks 5 to 13.*found block 14"):
        below(build_coronet((SIDE, SIDE, 3), 4), 14)


def test_versions_are_changed_pictures_and_drawn_by_turns(tmp_path: Path) -> None:
    """Each version is what an epoch would have shown; a file that is there is not made again."""
    images = np.random.default_rng(0).integers(0, 256, (5, 64, 64)).astype(np.uint8)
    batches = RadiographBatches(
        images,
        np.eye(5, dtype=np.float32),
        InputSpec(64, 64),
        BatchOptions(
            batch_size=2,
            rows=[1, 3, 4],
            augment=GeometricAugmentation(rotation_degrees=90.0),
            shuffle=True,
        ),
    )
    image = keras.Input((64, 64, 3))
    lower = keras.Model(image, keras.layers.AveragePooling2D(8)(image))
    path = tmp_path / "kept.npy"
    kept = keep_features(lower, batches, path, versions=2, on_kept=lambda _images: None)
    assert kept.shape == (2, 3, 8, 8, 3)
    batches.begin_epoch(1)
    expected = lower.predict_on_batch(batches.image(4, 0)[np.newaxis])[0]
    assert kept[1, 2] == pytest.approx(expected, abs=1e-3)
    assert not np.array_equal(kept[0], kept[1])
    made = path.stat().st_mtime_ns
    keep_features(lower, batches, path, versions=2, on_kept=lambda _images: None)
    assert path.stat().st_mtime_ns == made
    features = FeatureBatches(batches, kept)
    shown = set()
    for epoch in range(12):
        features.begin_epoch(epoch)
        assert sorted(features.order.tolist()) == [1, 3, 4]
        shown |= {features.image(4, 0).tobytes()}
        assert np.array_equal(features.batch(0).targets, np.eye(5)[features.order[:2]])
    assert len(shown) == 2


def build_small_xception(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build a network of two blocks, named as Xception's."""
    image = keras.Input(input_shape, name="image")
    x = keras.layers.Conv2D(4, 3, strides=4, name="block1_conv1")(image)
    x = keras.layers.Activation("relu", name="block12_sepconv1_act")(x)
    x = keras.layers.Conv2D(4, 1, name="block12_sepconv1")(x)
    x = keras.layers.Activation("relu", name="block13_sepconv1_act")(x)
    x = keras.layers.Conv2D(4, 1, name="block13_sepconv1")(x)
    x = keras.layers.GlobalAveragePooling2D(name="averaged")(x)
    x = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, x, name="small")


def test_a_run_trains_what_is_above_and_keeps_the_whole_network(
    tmp_path: Path, lung_field: Path
) -> None:
    """Blocks below stay as they began, those above learn, and a run goes on after a stop."""
    pack = packed_site(tmp_path / "site", lung_field)
    architectures = {
        "coronet": Architecture(build_small_xception, 64, 64, ("covid19",), 0, "a test")
    }
    protocol = replace(small_protocol("unseen-coronet"), learning_rate=0.05)
    request = RunRequest(
        data=pack, out=tmp_path / "run", cache_below=13, leave_out=("valencia", "pakistan")
    )
    run_protocol(protocol, request, QuietReport(), architectures)
    fold = tmp_path / "run" / "fold-1"
    learned = read_arrays_of(fold / "weights.npz")
    keras.utils.set_random_seed(1)
    start = build_small_xception((64, 64, 3), 4)
    for layer in ("block1_conv1", "block12_sepconv1"):
        kernel = np.asarray(start.get_layer(layer).kernel)
        assert learned[f"{layer}/kernel"] == pytest.approx(kernel)
    for layer in ("block13_sepconv1", "probabilities"):
        kernel = np.asarray(start.get_layer(layer).kernel)
        assert not np.allclose(learned[f"{layer}/kernel"], kernel)
    assert read_run(tmp_path / "run").cache_below == 13
    assert read_history(fold / "history.jsonl")[0].left_out_area is not None
    run_protocol(protocol, replace(request, resume=True), QuietReport(), architectures)
    again = read_arrays_of(fold / "weights.npz")
    assert all(np.array_equal(again[name], array) for name, array in learned.items())
