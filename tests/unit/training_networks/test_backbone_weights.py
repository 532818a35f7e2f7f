"""Backbone weights come from whatever file a user has, and every array is accounted for."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
import numpy as np

from training.errors import TrainingError
from training.networks.backbone_weights import fresh_layers, load_backbone_weights
from training.networks.catalogue import TRAINING_ARCHITECTURES

pytestmark = pytest.mark.tensorflow


def build(name: str) -> keras.Model:
    """Build a network at a small size."""
    side = 32 if "vgg" in name or "resnet" in name else 71
    return TRAINING_ARCHITECTURES[name].build((side, side, 3), 3)


@pytest.fixture(scope="module")
def vgg16() -> keras.Model:
    """Return the network that Keras itself would give, with weights of its own."""
    keras.utils.set_random_seed(1)
    return keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))


@pytest.mark.parametrize(
    ("network", "file", "arrays"),
    [
        ("coronet", "xception_imagenet_block1-13_keras.npz", 222),
        ("resnet50v2", "resnet50v2_slim_imagenet_conv1-conv4_keras.npz", 225),
    ],
)
def test_the_partial_imagenet_files_match_wholly(
    data_dir: Path, network: str, file: str, arrays: int
) -> None:
    """Every array of a partial file finds its place; what it lacks is named and stays fresh."""
    model = build(network)
    account = load_backbone_weights(model, data_dir / "weights" / file)
    assert len(account.matched) == arrays
    assert account.unmatched == ()
    absent = {"coronet": "block14_", "resnet50v2": ("conv5_", "post_bn")}[network]
    assert account.missing
    assert all(name.startswith(absent) for name in account.missing)
    assert all(name.startswith(absent) for name in fresh_layers(model, [account]))
    assert f"{arrays} arrays matched" in str(account)
    with np.load(data_dir / "weights" / file) as stored:
        for key in account.matched[::40]:
            layer, name = key.split("/")
            weights = {each.name: each.numpy() for each in model.get_layer(layer).weights}
            assert np.array_equal(weights[name], stored[key].astype(np.float32))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
def test_files_that_keras_writes_are_read(vgg16: keras.Model, tmp_path: Path, suffix: str) -> None:
    """A whole network and weights alone, in the file formats of Keras 3 and Keras 2."""
    path = tmp_path / f"vgg16{suffix}"
    if suffix == ".h5":
        write_keras_2_file(path, vgg16)
    elif suffix == ".keras":
        vgg16.save(path)
    else:
        vgg16.save_weights(path)
    model = build("soares_vgg16")
    account = load_backbone_weights(model, path)
    assert len(account.matched) == 26
    assert (account.unmatched, account.missing) == ((), ())
    assert fresh_layers(model, [account]) == ()
    for layer in vgg16.layers:
        ours = model.get_layer(layer.name).get_weights() if layer.weights else []
        assert all(map(np.array_equal, ours, layer.get_weights()))


def write_keras_2_file(path: Path, model: keras.Model) -> None:
    """Write weights as keras.applications publishes them: names in attributes, old array names."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            short = {"kernel": "W", "bias": "b"}
            names = [f"{layer.name}/{layer.name}_{short[w.name]}_1:0" for w in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()


def test_unnamed_layers_are_matched_by_order(tmp_path: Path) -> None:
    """Xception's residual layers are named by what their process built before; order tells."""
    keras.utils.set_random_seed(2)
    published = TRAINING_ARCHITECTURES["xception"].build((71, 71, 3), 3)
    arrays = {
        f"{layer.name.replace('conv2d_', 'conv2d_1', 1)}/{weight.name}": weight.numpy()
        for layer in published.layers
        for weight in layer.weights
    }
    np.savez(tmp_path / "xception.npz", **arrays)
    model = build("coronet")
    account = load_backbone_weights(model, tmp_path / "xception.npz")
    assert account.missing == ()
    for number in range(1, 5):
        name = f"conv2d_{number}"
        ours, theirs = model.get_layer(name), published.get_layer(name)
        assert all(map(np.array_equal, ours.get_weights(), theirs.get_weights()))


def test_the_head_is_never_loaded(tmp_path: Path, vgg16: keras.Model) -> None:
    """Layers of another task's head are listed as unmatched, ours keep their values."""
    model = build("soares_vgg16")
    arrays = {"block1_conv1/kernel": vgg16.get_layer("block1_conv1").get_weights()[0]}
    arrays |= {f"probabilities/{w.name}": w.numpy() + 1 for w in model.layers[-1].weights}
    np.savez(tmp_path / "part.npz", **arrays)
    before = model.get_layer("probabilities").get_weights()
    account = load_backbone_weights(model, tmp_path / "part.npz")
    assert account.matched == ("block1_conv1/kernel",)
    assert account.unmatched == ("probabilities/kernel", "probabilities/bias")
    assert all(map(np.array_equal, before, model.get_layer("probabilities").get_weights()))
    assert "block1_conv1" in fresh_layers(model, [account])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.npz", None, "cannot read"),
        ("cut.npz", b"PK\x03\x04 nothing", "cannot read"),
        ("cut.h5", b"no weights", "cannot read"),
        ("cut.keras", b"no network", "cannot read"),
        ("weights.pth", b"another library", "convert the file"),
    ],
)
def test_unreadable_files_are_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """The error names the file and what to do, whatever is wrong with it."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingError, match=rf"{name}.*{message}|{message}.*{name}"):
        load_backbone_weights(build("soares_vgg16"), tmp_path / name)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    """A file in which nothing fits says what it has and what the network has."""
    np.savez(tmp_path / "other.npz", **{"stem/kernel": np.zeros((3, 3, 3, 8), np.float32)})
    with pytest.raises(TrainingError, match=r"stem.*block1_conv1.*same network"):
        load_backbone_weights(build("soares_vgg16"), tmp_path / "other.npz")
