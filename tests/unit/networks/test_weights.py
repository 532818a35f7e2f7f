"""Weight files: what is saved is loaded, and nothing else is accepted."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
from numpy.typing import NDArray

from screening.domain.scores import SCORE_TOLERANCE
from screening.errors import BundleError
from screening.networks.architectures import ARCHITECTURES
from screening.networks.quantisation import bits_of
from screening.networks.weights import BITS, Precision, load_weights, save_weights

pytestmark = [
    pytest.mark.tensorflow,
    # Keras' own get_weights() converts its variables as NumPy 1 did.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def small_network(units: int = 4) -> keras.Model:
    """Return a network with a kernel, batch normalisation and a bias."""
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(5, 3, use_bias=False, name="convolution")(image)
    x = keras.layers.BatchNormalization(name="normalisation")(x)
    x = keras.layers.Flatten(name="flattened")(x)
    return keras.Model(image, keras.layers.Dense(units, name="probabilities")(x))


def rewrite(path: Path, **changes: NDArray[Any] | None) -> None:
    """Replace, add or (None) remove arrays of a weight file."""
    with np.load(path) as shard:
        arrays: dict[str, Any] = {key: shard[key] for key in shard.files}
    arrays |= {key.replace("__", "/"): array for key, array in changes.items()}
    kept = {key: array for key, array in arrays.items() if array is not None}
    np.savez(path, **kept)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_trained_weights_survive_saving_and_loading(tmp_path: Path, name: str) -> None:
    """After two training steps a network saved, built anew and loaded gives the same scores."""
    random = np.random.default_rng(1)
    images = random.random((8, 71, 71, 3), dtype=np.float32)
    labels = keras.utils.to_categorical(np.arange(8) % 3, 3)
    model = ARCHITECTURES[name].build((71, 71, 3), 3)
    start = model.get_weights()
    model.compile(optimizer="sgd", loss="categorical_crossentropy", run_eagerly=True)
    for _ in range(2):
        model.train_on_batch(images, labels)
    assert any(not np.array_equal(a, b) for a, b in zip(start, model.get_weights(), strict=True))

    paths = save_weights(model, tmp_path, "member", dtype="float32", shard_bytes=20_000_000)
    loaded = ARCHITECTURES[name].build((71, 71, 3), 3)
    load_weights(loaded, paths)

    assert len(paths) > 1
    for saved, read in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, read)
    expected = np.asarray(model(images, training=False))
    np.testing.assert_allclose(
        np.asarray(loaded(images, training=False)), expected, atol=SCORE_TOLERANCE
    )


def test_float16_narrows_kernels_and_keeps_vectors(tmp_path: Path) -> None:
    """Kernels are stored as float16, biases and batch statistics as float32."""
    (path,) = save_weights(small_network(), tmp_path, "member", dtype="float16")
    with np.load(path, allow_pickle=False) as shard:
        types = {key: str(shard[key].dtype) for key in shard.files}
    assert types["convolution/kernel"] == types["probabilities/kernel"] == "float16"
    assert types["normalisation/moving_variance"] == types["probabilities/bias"] == "float32"


def test_int8_has_a_scale_for_each_output_channel(tmp_path: Path) -> None:
    """Kernels are int8 and lower bits with a scale an output; what is depthwise, one a channel."""
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.SeparableConv2D(5, 3, name="separable")(image)
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = keras.layers.BatchNormalization(name="normalisation")(x)
    model = keras.Model(image, keras.layers.Dense(4, name="probabilities")(x))
    (path,) = save_weights(model, tmp_path, "member", dtype="int9")
    with np.load(path, allow_pickle=False) as shard:
        scales = {key: shard[key].shape for key in shard.files if key.endswith(".scale")}
        types = {key: str(shard[key].dtype) for key in shard.files}
    assert scales == {
        "separable/depthwise_kernel.scale": (1, 1, 3, 1),
        "separable/pointwise_kernel.scale": (1, 1, 1, 5),
        "depthwise/kernel.scale": (1, 1, 5, 2),
        "probabilities/kernel.scale": (1, 4),
    }
    assert {types[key.removesuffix(".scale")] for key in scales} == {"int8"}
    assert {types[key.replace(".scale", ".low")] for key in scales} == {"uint8"}
    assert {types[key] for key in types.keys() & scales.keys()} == {"float32"}
    assert types["normalisation/moving_variance"] == types["probabilities/bias"] == "float32"


def test_int8_comes_back_within_half_a_step(tmp_path: Path) -> None:
    """Each weight is within half a step of its channel's scale; vectors are exact."""
    model, loaded = small_network(), small_network()
    load_weights(loaded, save_weights(model, tmp_path, "member", dtype="int9", shard_bytes=500))
    for saved, read in zip(model.get_weights(), loaded.get_weights(), strict=True):
        if saved.ndim == 1:
            np.testing.assert_array_equal(saved, read)
        else:
            largest = np.abs(saved).max(axis=tuple(range(saved.ndim - 1)))
            assert (
                np.abs(saved - read)
                <= largest * (1 / (2 ** bits_of(saved.size, BITS["int9"]) - 2) + 2e-7)
            ).all()
            assert not np.array_equal(saved, read)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"probabilities__kernel.scale": None}, "without a scale: probabilities/kernel"),
        (
            {"probabilities__kernel.scale": np.ones((1, 3), np.float32)},
            "scales are not one positive float32 a channel, or .*: probabilities/kernel",
        ),
        (
            {"probabilities__kernel": np.zeros((180, 4), np.float32)},
            "does not have: probabilities/kernel.low, probabilities/kernel.scale",
        ),
        (
            {"probabilities__kernel.scale": np.full((1, 4), np.inf, np.float32)},
            "not finite: probabilities/kernel.scale",
        ),
        (
            {"probabilities__kernel.low": np.zeros((8, 3), np.uint8)},
            "lower bits are not one for each weight: probabilities/kernel",
        ),
        (
            {"probabilities__bias": np.zeros(4, np.uint8)},
            r"neither int8, float16 nor float32: probabilities/bias \(uint8\)",
        ),
    ],
    ids=["no scale", "wrong shape", "no codes", "not finite", "low bits", "bits for a weight"],
)
def test_codes_and_scales_that_do_not_fit_are_refused(
    tmp_path: Path, change: dict[str, NDArray[Any] | None], complaint: str
) -> None:
    """Numbers without their unit are no weights."""
    (path,) = save_weights(small_network(), tmp_path, "member", dtype="int9")
    rewrite(path, **change)
    with pytest.raises(BundleError, match=complaint):
        load_weights(small_network(), [path])


@pytest.mark.parametrize("dtype", ["int7", "int8", "int9", "float16"])
def test_the_same_weights_give_the_same_bytes(tmp_path: Path, dtype: Precision) -> None:
    """Saving twice writes equal files under the same names."""
    model = small_network()
    (tmp_path / "again").mkdir()
    first = save_weights(model, tmp_path, "member", dtype=dtype, shard_bytes=500)
    second = save_weights(model, tmp_path / "again", "member", dtype=dtype, shard_bytes=500)
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_shards_keep_to_their_size_and_need_each_other(tmp_path: Path) -> None:
    """Arrays are spread over files of limited size, and one file of several is not enough."""
    paths = save_weights(small_network(), tmp_path, "member", dtype="float32", shard_bytes=1_000)
    assert [path.name for path in paths] == [
        f"member-{number}-of-{len(paths)}.npz" for number in range(1, len(paths) + 1)
    ]
    with np.load(paths[0]) as shard:
        assert sum(shard[key].nbytes for key in shard.files) <= 1_000
    with pytest.raises(BundleError, match="missing: probabilities/bias, probabilities/kernel"):
        load_weights(small_network(), paths[:1])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"probabilities__bias": None}, "missing: probabilities/bias"),
        ({"other__kernel": np.zeros(3, np.float32)}, "does not have: other/kernel"),
        (
            {"probabilities__bias": np.zeros(3, np.float32)},
            r"probabilities/bias \(expected \(4,\), found \(3,\)\)",
        ),
        (
            {"probabilities__bias": np.zeros(4, np.int64)},
            r"neither int8, float16 nor float32: probabilities/bias \(int64\)",
        ),
        (
            {"probabilities__bias": np.full(4, np.nan, np.float32)},
            "not finite: probabilities/bias",
        ),
    ],
    ids=["missing", "surplus", "wrong shape", "wrong type", "not finite"],
)
def test_arrays_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, change: dict[str, NDArray[Any] | None], complaint: str
) -> None:
    """A missing, surplus, misshapen, mistyped or infinite array is named; the network stays."""
    (path,) = save_weights(small_network(), tmp_path, "member")
    rewrite(path, **change)
    model = small_network()
    before = model.get_weights()
    with pytest.raises(BundleError, match=complaint):
        load_weights(model, [path])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_same_array_in_two_files_is_refused(tmp_path: Path) -> None:
    """Which of two arrays of one name counts is never guessed."""
    (path,) = save_weights(small_network(), tmp_path, "member")
    with pytest.raises(BundleError, match="an earlier file already holds"):
        load_weights(small_network(), [path, path])


def cut_short(content: bytes) -> bytes:
    """Return the first half of a file."""
    return content[: len(content) // 2]


def without_content(_: bytes) -> bytes:
    """Return an empty file."""
    return b""


def one_byte_changed(content: bytes) -> bytes:
    """Return a file with a byte changed inside an array."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def a_pickle(_: bytes) -> bytes:
    """Return a pickled object, which must never be executed."""
    return b"\x80\x04K\x01."


def a_single_array(_: bytes) -> bytes:
    """Return a .npy file, which has no keys."""
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


@pytest.mark.parametrize(
    "damage", [cut_short, without_content, one_byte_changed, a_pickle, a_single_array]
)
def test_damaged_files_are_refused(tmp_path: Path, damage: Any) -> None:
    """A file that is no whole .npz file is refused by path."""
    (path,) = save_weights(small_network(), tmp_path, "member")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BundleError, match=rf"{path.name}: expected a \.npz file"):
        load_weights(small_network(), [path])


def test_weights_too_large_for_float16_are_refused(tmp_path: Path) -> None:
    """A kernel that would become infinite in float16 is refused, and float32 keeps it."""
    model = small_network()
    layer = model.get_layer("probabilities")
    layer.kernel.assign(layer.kernel + 1e6)
    with pytest.raises(BundleError, match="weight probabilities/kernel: expected finite float16"):
        save_weights(model, tmp_path, "member", dtype="float16")
    load_weights(small_network(), save_weights(model, tmp_path, "member", dtype="float32"))
