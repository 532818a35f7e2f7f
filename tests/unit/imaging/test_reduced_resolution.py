"""JPEG 2000 at a lower resolution: the same picture sooner, and where it might not be, in full."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import encapsulate, generate_frames

from screening.errors import UndecodablePixelsError
from screening.imaging.phantoms.phantom_image import phantom_image
from screening.imaging.pixels.decode import decode
from screening.imaging.rendering.preview import preview_jpeg, window_values
from screening.imaging.rendering.render import render, render_decoded
from tests.unit.imaging.misdescribed import made

ROWS, COLUMNS = 403, 330
ENOUGH = 100
JPEG_2000_LOSSLESS, JPEG_2000 = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"


def compressed(
    path: Path, uid: str, *, bits: int = 12, rows: int = ROWS, **attributes: Any
) -> Path:
    """Write a phantom in a transfer syntax."""
    stored = phantom_image(1, rows, COLUMNS).astype(np.int64) * ((1 << bits) - 1) // 255
    is_signed = attributes.get("PixelRepresentation") == 1
    if is_signed:
        stored -= 1 << bits - 1
    data_set = made(stored.astype("<u2"), bits, PixelRepresentation=int(is_signed))
    ratios = [8.0] if uid == JPEG_2000 else None
    data_set.compress(uid, generate_instance_uid=False, j2k_cr=ratios)
    for name, value in attributes.items():
        setattr(data_set, name, value)
    data_set.save_as(path, enforce_file_format=True)
    return path


def halved(pixels: NDArray[np.uint8], like: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image reduced by means to the shape of another."""
    rows, columns = like.shape
    reduced = Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BOX)
    return np.asarray(reduced)


@pytest.mark.parametrize("uid", [JPEG_2000_LOSSLESS, JPEG_2000])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_lower_resolution_is_the_same_picture(
    tmp_path: Path, uid: str, bits: int, photometric: str
) -> None:
    """Of the smallest size with enough pixels, in the same values and the right way round."""
    path = compressed(
        tmp_path / "one",
        uid,
        bits=bits,
        PhotometricInterpretation=photometric,
        WindowCenter=1 << bits - 1,
        WindowWidth=1 << bits,
    )
    whole, reduced = decode(path), decode(path, enough_pixels=ENOUGH)
    assert (whole.array.shape, reduced.array.shape) == ((ROWS, COLUMNS), (101, 83))
    assert reduced.bits_stored == whole.bits_stored == bits
    shown, expected = render_decoded(reduced).pixels, render(path).pixels
    difference = np.abs(shown.astype(float) - halved(expected, shown))
    assert difference.mean() < 5  # of 255; wavelets take their means around even places
    assert np.corrcoef(shown.ravel(), halved(expected, shown).ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    "attributes",
    [
        {"PixelPaddingValue": 0},
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"PixelRepresentation": 1},
        {"BitsStored": 10, "HighBit": 9},
        {"BitsStored": 14, "HighBit": 13},
    ],
    ids=["padding", "palette", "signed", "fewer bits", "more bits"],
)
def test_what_a_mean_may_falsify_is_decoded_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attributes: dict[str, Any]
) -> None:
    """Padding is known by its value, a palette's entries are numbers, and bits may be odd."""
    if "PALETTE COLOR" in attributes.values():
        monkeypatch.setattr(
            "screening.imaging.pixels.decode.apply_color_lut", lambda words, _: words
        )
    path = compressed(tmp_path / "one", JPEG_2000_LOSSLESS, **attributes)
    whole, asked = decode(path), decode(path, enough_pixels=ENOUGH)
    assert np.array_equal(whole.array, asked.array)


@pytest.mark.parametrize(
    ("rows", "enough_pixels", "shape"), [(405, 100, (203, 165)), (403, 50, (101, 83))]
)
def test_the_next_resolution_is_taken_where_one_is_not_to_be_had(
    tmp_path: Path, rows: int, enough_pixels: int, shape: tuple[int, int]
) -> None:
    """Pillow rounds a quarter of 405 down, and an eighth of 403."""
    path = compressed(tmp_path / "one", JPEG_2000_LOSSLESS, rows=rows)
    assert decode(path, enough_pixels=enough_pixels).array.shape == shape


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95])
def test_a_frame_that_is_cut_short_gives_no_picture(tmp_path: Path, share: float) -> None:
    """At whatever resolution it is asked for."""
    data_set = pydicom.dcmread(compressed(tmp_path / "one", JPEG_2000_LOSSLESS))
    frame = next(generate_frames(data_set.PixelData, number_of_frames=1))
    data_set.PixelData = encapsulate([frame[: 2 * int(share * len(frame) / 2)]])
    for enough_pixels in (None, ENOUGH):
        with pytest.raises(UndecodablePixelsError):
            decode(data_set, enough_pixels=enough_pixels)


def test_an_image_that_is_small_enough_or_otherwise_encoded_stays_whole(tmp_path: Path) -> None:
    """Nothing is lost where nothing is saved."""
    path = compressed(tmp_path / "one", JPEG_2000_LOSSLESS)
    assert decode(path, enough_pixels=COLUMNS).array.shape == (ROWS, COLUMNS)
    path = compressed(tmp_path / "two", JPEG_LS)
    assert decode(path, enough_pixels=ENOUGH).array.shape == (ROWS, COLUMNS)


def test_a_damaged_codestream_is_refused_as_a_whole_one_is(tmp_path: Path) -> None:
    """With the sentence that `render` has for it."""
    path = compressed(tmp_path / "one", JPEG_2000_LOSSLESS)
    content = path.read_bytes()
    start = content.index(b"\xff\x4f\xff\x51") + 60
    path.write_bytes(content[:start] + bytes(len(content) - start - 8) + content[-8:])
    for make in (render, preview_jpeg, window_values):
        with pytest.raises(UndecodablePixelsError):
            make(path)


@pytest.mark.parametrize("uid", [JPEG_LS, JPEG_LS_NEAR])
def test_the_quicker_decoder_gives_the_values_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: str
) -> None:
    """And where it does not take a frame, the other one decodes it."""
    error = 2 if uid == JPEG_LS_NEAR else None
    path = compressed(tmp_path / "one", JPEG_LS)
    data_set = pydicom.dcmread(path)
    data_set.decompress()
    data_set.compress(uid, generate_instance_uid=False, jls_error=error)
    found = decode(data_set).array
    with monkeypatch.context() as broken:
        broken.setattr("jpeg_ls.decode_pixel_data", lambda *_, **__: 1 / 0)
        assert np.array_equal(decode(data_set).array, found)
    data_set.decompress(decoding_plugin="gdcm")
    assert np.array_equal(found, data_set.pixel_array)
