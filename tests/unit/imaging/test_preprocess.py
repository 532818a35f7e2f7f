"""The network's input, and the fingerprint that guards it."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import config

from screening.errors import UndecodablePixelsError
from screening.imaging import fingerprint as fingerprint_module
from screening.imaging.fingerprint import FINGERPRINT_DETAIL, FINGERPRINT_SIDES, fingerprint
from screening.imaging.fingerprint_cases import FIXED_BOX, fixed_objects
from screening.imaging.network_input import lung_field
from screening.imaging.network_input import preprocess as preprocess_module
from screening.imaging.network_input.lung_field import LungFieldSpec, crop, network_input
from screening.imaging.network_input.preprocess import InputSpec, pixel_sha256, preprocess
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.imaging.rendering import render, window
from screening.imaging.rendering.render_path import ModalityStep, VoiStep


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_shape_range_and_channels(value_range: tuple[float, float]) -> None:
    """The result has the asked size and range, float32, and three equal channels."""
    image = phantom_image(0, 400, 300)
    image[:100], image[100:200] = 0, 255
    result = preprocess(image, InputSpec(150, 130, value_range))
    assert result.shape == (150, 130, 3)
    assert result.dtype == np.float32
    assert (result.min(), result.max()) == pytest.approx(value_range)
    assert np.array_equal(result[..., 0], result[..., 1])
    assert np.array_equal(result[..., 0], result[..., 2])


def test_reduction_does_not_alias() -> None:
    """A fine chequerboard becomes an even grey, not a moiré."""
    board = np.indices((1024, 1024)).sum(axis=0) % 2 * np.uint8(255)
    result = preprocess(board.astype(np.uint8), InputSpec(150, 150))
    assert result.std() < 0.02
    assert result.mean() == pytest.approx(0.5, abs=0.01)


def test_reduced_detail_leaves_nothing_finer() -> None:
    """Stripes finer than the detail become even; coarse ones, and the range, stay."""
    fine, coarse = (np.tile(np.arange(960) // width % 2, (960, 1)) for width in (20, 240))
    spec = InputSpec(150, 120, detail_pixels=24)
    even, kept = (preprocess((board * 255).astype(np.uint8), spec) for board in (fine, coarse))
    assert even.shape == kept.shape == (150, 120, 3)
    assert even.std() < 0.1
    assert preprocess((fine * 255).astype(np.uint8), InputSpec(150, 120)).std() > 0.2
    assert (kept.min(), kept.max()) == (0.0, 1.0)
    assert kept.std() > 0.4


def test_small_pictures_are_refused() -> None:
    """A side below 64 pixels raises, with both sizes in the message."""
    with pytest.raises(UndecodablePixelsError, match="64 pixels, found 63 x 200"):
        preprocess(np.zeros((63, 200), np.uint8), InputSpec(150, 150))


def test_the_pixel_digest_knows_the_shape() -> None:
    """Equal bytes in another shape have another digest; equal pictures the same."""
    flat = np.arange(64, dtype=np.uint8)
    assert pixel_sha256(flat.reshape(8, 8)) != pixel_sha256(flat.reshape(4, 16))
    assert pixel_sha256(flat.reshape(8, 8)) == pixel_sha256(flat.reshape(8, 8).T.copy().T)


def test_the_fingerprint_is_stable() -> None:
    """The same code gives the same fingerprint, whatever pydicom is told about validation."""
    before = fingerprint()
    old = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    try:
        assert fingerprint() == before
    finally:
        config.settings.reading_validation_mode = old


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        (window, "LOW_PERCENT", 1.0),
        (render, "WHITE", 254),
        (render, "_inversion", lambda *_: (False, ())),
        (render, "_as_stored", lambda value, _: value + 1),
        (
            fingerprint_module,
            "InputSpec",
            lambda height, width, *_: InputSpec(height, width, (0.0, 1.0)),
        ),
        (fingerprint_module, "crop", lambda picture, _: picture),
        (preprocess_module, "equalised", lambda grey: grey),
        (preprocess_module, "_ENLARGED_BY", Image.Resampling.BILINEAR),
        (lung_field, "_OUTERMOST_SHARE", 0.01),
        (lung_field, "_LEAST_DEVIATION", 10.0),
    ],
)
def test_any_change_changes_the_fingerprint(
    target: object, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another percentile, scale, inversion, padding, range, crop or contrast is noticed."""
    before = fingerprint()
    monkeypatch.setattr(target, name, value)
    assert fingerprint() != before


def test_the_fixed_pictures_pass_every_step() -> None:
    """Each modality step, each VOI step, inversion, padding and luma occur; none is blank."""
    rendered = [render.render_decoded(decoded) for decoded in fixed_objects()]
    assert {image.path.modality_lut for image in rendered} == set(ModalityStep)
    assert {image.path.voi for image in rendered} == set(VoiStep)
    assert any(image.path.inverted for image in rendered)
    assert any(image.path.padding_masked for image in rendered)
    assert any(image.path.luma for image in rendered)
    assert all(image.pixels.std() > 20 for image in rendered)


def test_no_fixed_value_is_half_way_between_two_levels() -> None:
    """Another processor's last bits of arithmetic cannot change the fingerprint."""
    nearest = 1.0
    for decoded in fixed_objects():
        picture = render.render_decoded(decoded).pixels
        sides = [InputSpec(*each, (0.0, 255.0)) for each in FINGERPRINT_SIDES]
        inputs = (*sides, replace(FINGERPRINT_DETAIL, value_range=(0.0, 255.0)))
        for view, spec in product((picture, crop(picture, FIXED_BOX)), inputs):
            nearest = min(nearest, from_half_way(preprocess(view, spec).astype(np.float64)))
        lungs = LungFieldSpec(*FINGERPRINT_SIDES[0])
        nearest = min(nearest, from_half_way(network_input(picture, lungs).astype(np.float64) * 16))
    assert nearest > 2e-5


def from_half_way(values: NDArray[np.float64]) -> float:
    """Return how near any value comes to the middle of two whole numbers."""
    return float(np.abs(values - np.floor(values) - 0.5).min())
