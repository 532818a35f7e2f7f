"""The lung field network, and what asks it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the networks need TensorFlow")

import keras
import numpy as np

from screening.domain.scores import SCORE_TOLERANCE
from screening.imaging.network_input.lung_field import Box, LungFieldSpec, NoLungField
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.networks.lung_field import LungFieldFinder, build_lung_field
from screening.networks.weights import load_weights, save_weights

pytestmark = pytest.mark.tensorflow

SPEC = LungFieldSpec(height=32, width=48, least_certainty=0.5, most_between=1.0)


@pytest.fixture(scope="module")
def bright_is_lung() -> LungFieldFinder:
    """Return a finder whose network calls every place above the mean grey level lung."""
    image = keras.Input((SPEC.height, SPEC.width, 1))
    lung = keras.layers.Conv2D(1, 1, activation="sigmoid", kernel_initializer="ones")(image)
    return LungFieldFinder(keras.Model(image, lung), SPEC)


def bright_block(rows: int, columns: int) -> np.ndarray:
    """Return a dark picture whose middle half, each way, is bright left and right of a dark gap."""
    picture = np.full((rows, columns), 20, np.uint8)
    picture[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4] = 200
    picture[:, columns // 2 - columns // 16 : columns // 2 + columns // 16] = 20
    return picture


def test_size_and_names_are_the_same_in_every_build() -> None:
    """The network has 496,545 parameters and every build of it the same layer names."""
    first, second = build_lung_field(), build_lung_field()
    assert first.count_params() == 496_545
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]


@pytest.mark.parametrize("precision", ["int9", "float16", "float32"])
def test_weights_are_stored_and_read(precision: str, tmp_path: Path) -> None:
    """A second build gives the first one's lungs with its stored weights, in every precision."""
    first, second = build_lung_field(32, 48), build_lung_field(32, 48)
    load_weights(second, save_weights(first, tmp_path, "lung-field", dtype=precision))  # type: ignore[arg-type]  # one of three words
    pictures = [phantom_image(seed, 200, 150) for seed in range(3)]
    expected = LungFieldFinder(first, SPEC).probabilities(pictures)
    found = LungFieldFinder(second, SPEC).probabilities(pictures)
    assert np.abs(found - expected).max() < 0.05


def test_the_box_is_found(bright_is_lung: LungFieldFinder) -> None:
    """The box goes around what the network calls lung, in pictures of any size at once."""
    pictures = [bright_block(400, 300), bright_block(1000, 2000), np.full((200, 200), 9, np.uint8)]
    first, second, nothing = bright_is_lung.boxes(pictures)
    for box in (first, second):
        assert box is not None
        assert (box.left, box.right) == pytest.approx((0.22, 0.78), abs=0.03)
        assert (box.top, box.bottom) == pytest.approx((0.22, 0.78), abs=0.03)
    assert nothing is None


def test_too_small_a_lung_field_is_none(bright_is_lung: LungFieldFinder) -> None:
    """Where the crop would have a side below 64 pixels, there is no lung field."""
    large, small = bright_is_lung.find([bright_block(160, 160), bright_block(100, 300)])
    assert isinstance(large, Box)
    assert isinstance(small, NoLungField)
    assert "64 expected" in small.found


def test_threads_may_ask_at_once(bright_is_lung: LungFieldFinder) -> None:
    """Many threads get what one gets."""
    pictures = [phantom_image(seed, 200 + 8 * seed, 300) for seed in range(16)]
    alone = bright_is_lung.probabilities(pictures)
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda p: bright_is_lung.probabilities([p])[0], pictures))
    assert np.allclose(alone, together, atol=SCORE_TOLERANCE)
