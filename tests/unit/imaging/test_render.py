"""Rendering: one patient encoded many ways is one picture."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEGLSLossless, RLELossless

from screening.errors import ScreeningError, UndecodablePixelsError
from screening.imaging.rendering.render import render
from screening.imaging.rendering.render_path import ModalityStep, VoiStep
from tests.services.programs import program
from tests.unit.imaging.conftest import WriteRadiograph

EXACT = {"VOILUTFunction": "LINEAR_EXACT"}


def lookup_table(entries: list[int], first: int, bits: int) -> Sequence:
    """Return a LUT sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    return Sequence([item])


def wide(picture: np.ndarray, factor: int, dtype: type = np.uint16) -> np.ndarray:
    """Return the picture in more bits."""
    return (picture.astype(np.int64) * factor).astype(dtype)


def encodings(picture: np.ndarray) -> dict[str, tuple[np.ndarray, dict[str, Any]]]:
    """Return the picture encoded in many ways, each with the attributes that bring it back."""
    eight = {"WindowCenter": 128, "WindowWidth": 256}
    twelve = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4081}
    p12, p16 = wide(picture, 16), wide(picture, 256)
    lut_12 = [min(255, round(value / 16)) for value in range(4096)]
    shifted = (p12.astype(np.int16) - 1000).astype(np.int16)
    return {
        "8 bits": (picture, eight),
        "12 bits": (p12, twelve),
        "16 bits": (p16, {"WindowCenter": 32640.5, "WindowWidth": 65281}),
        "no window": (p12, {"BitsStored": 12}),
        "MONOCHROME1": (4095 - p12, {**twelve, "PhotometricInterpretation": "MONOCHROME1"}),
        "MONOCHROME1 and INVERSE": (
            4095 - p12,
            {
                **twelve,
                "PhotometricInterpretation": "MONOCHROME1",
                "PresentationLUTShape": "INVERSE",
            },
        ),
        "rescale": (
            p12,
            {**twelve, "WindowCenter": 96, "WindowWidth": 8161, "BitsStored": 12}
            | {"RescaleSlope": 2, "RescaleIntercept": -4000},
        ),
        "negative slope": (
            (4095 - p12).astype(np.uint16),
            {**twelve, "RescaleSlope": -1, "RescaleIntercept": 4095},
        ),
        "signed": (shifted, {**twelve, "WindowCenter": 1048, "BitsStored": 13}),
        "exact window": (p12, {"WindowCenter": 2040, "WindowWidth": 4080, **EXACT}),
        "several windows": (p12, {"WindowCenter": [2048, 10], "WindowWidth": [4081, 5]}),
        "VOI LUT before a window": (
            p12,
            {
                "BitsStored": 12,
                "WindowCenter": 1,
                "WindowWidth": 2,
                "VOILUTSequence": lookup_table(lut_12, 0, 8),
            },
        ),
        "Modality LUT": (
            p12,
            {**eight, "BitsStored": 12, "ModalityLUTSequence": lookup_table(lut_12, 0, 8)},
        ),
        "RLE": (p12, {**twelve, "compress": RLELossless}),
        "JPEG-LS": (p12, {**twelve, "compress": JPEGLSLossless}),
        "padding": (p12, {**twelve, "PixelPaddingValue": 60000}),
    }


NAMES = tuple(encodings(np.zeros((2, 2), np.uint8)))


@pytest.mark.parametrize("name", NAMES)
def test_one_patient_many_encodings(
    name: str, picture: np.ndarray, write_radiograph: WriteRadiograph
) -> None:
    """Bits, sense, rescale, window, LUT and compression leave the picture as it is."""
    pixels, attributes = encodings(picture)[name]
    rendered = render(write_radiograph(pixels, **attributes)).pixels.astype(int)
    expected = picture.astype(int)
    if name == "no window":
        low, high = np.percentile(picture, [0.5, 99.5], method="inverted_cdf").astype(float)
        expected = np.clip(np.rint((picture - low) / (high - low) * 255), 0, 255).astype(int)
    assert np.abs(rendered - expected).max() <= 1


def test_the_path_says_what_was_done(
    picture: np.ndarray, write_radiograph: WriteRadiograph
) -> None:
    """The steps are recorded: rescale, window function, inversion, padding, transfer syntax."""
    path = render(
        write_radiograph(
            picture,
            RescaleSlope=1,
            RescaleIntercept=0,
            WindowCenter=100,
            WindowWidth=50,
            VOILUTFunction="SIGMOID",
            PhotometricInterpretation="MONOCHROME1",
            PixelPaddingValue=int(picture[5, 5]),
        )
    ).path
    assert (path.modality_lut, path.voi) == (ModalityStep.RESCALE, VoiStep.SIGMOID)
    assert (path.inverted, path.padding_masked, path.luma) == (True, True, False)
    assert path.transfer_syntax_uid == "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("width", [0, -5, None, "", "many"])
def test_no_usable_window_means_percentiles(
    width: object, picture: np.ndarray, write_radiograph: WriteRadiograph
) -> None:
    """A width of 0, below 0, or none at all counts as no window."""
    made = write_radiograph(picture, WindowCenter=100)
    data_set = dcmread(made)
    if width is not None:
        data_set.add_new("WindowWidth", "LO", str(width))
        data_set.save_as(made)
    assert render(made).path.voi is VoiStep.PERCENTILE


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_outside_the_window(
    photometric: str, picture: np.ndarray, write_radiograph: WriteRadiograph
) -> None:
    """Padding does not stretch the percentile window, and is black in either sense."""
    padded = wide(picture, 4) + np.uint16(1000)
    padded[:, :10] = 65000
    padded[:, 10:20] = 64000
    rendered = render(
        write_radiograph(
            padded,
            PhotometricInterpretation=photometric,
            PixelPaddingValue=64000,
            PixelPaddingRangeLimit=65535,
        )
    ).pixels
    assert not rendered[:, :20].any()
    assert rendered[:, 20:].std() > 30


def test_inverse_shape_alone_inverts(
    picture: np.ndarray, write_radiograph: WriteRadiograph
) -> None:
    """Presentation LUT Shape INVERSE inverts a MONOCHROME2 picture too."""
    plain = render(write_radiograph(picture)).pixels
    inverse = render(write_radiograph(picture, PresentationLUTShape="INVERSE")).pixels
    assert np.abs(255 - plain.astype(int) - inverse).max() <= 1


def test_bits_above_bits_stored_are_ignored(
    picture: np.ndarray, write_radiograph: WriteRadiograph
) -> None:
    """Overlay bits above Bits Stored change nothing."""
    twelve = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}
    clean = render(write_radiograph(wide(picture, 16), **twelve)).pixels
    dirty = wide(picture, 16) | np.uint16(0xA000)
    assert np.array_equal(render(write_radiograph(dirty, **twelve)).pixels, clean)


def test_colour_becomes_luma(picture: np.ndarray, write_radiograph: WriteRadiograph) -> None:
    """A grey picture saved as RGB keeps its grey levels; green counts most."""
    rendered = render(write_radiograph(np.stack([picture] * 3, axis=2)))
    assert np.array_equal(rendered.pixels, picture)
    assert rendered.path.luma
    green = np.zeros((8, 8, 3), np.uint8)
    green[..., 1] = 255
    assert render(write_radiograph(green)).pixels[0, 0] == 150


def test_a_lut_with_negative_first_value(write_radiograph: WriteRadiograph) -> None:
    """A VOI LUT over signed values starts below 0, though its descriptor says US."""
    values = np.arange(-50, 50, dtype=np.int16).reshape(10, 10)
    made = write_radiograph(
        values, VOILUTSequence=lookup_table(list(range(0, 250, 5)), 65536 - 25, 8)
    )
    rendered = render(made).pixels.ravel()
    assert rendered[0] == 0
    assert rendered[50] == 125
    assert rendered[99] == 245


@pytest.mark.parametrize(
    "attributes",
    [
        {"PixelData": None, "FloatPixelData": b"\0" * 4 * 96 * 80},
        {"Rows": 0},
        {"Rows": None},
        {"Rows": 60000, "Columns": 60000},
        {"BitsAllocated": 32, "BitsStored": 32},
        {"PhotometricInterpretation": "NONSENSE"},
        {"SamplesPerPixel": 2},
        {"BitsAllocated": 7},
    ],
    ids=str,
)
def test_unusable_pixels_are_refused(
    attributes: dict[str, Any], picture: np.ndarray, write_radiograph: WriteRadiograph
) -> None:
    """Float, absent, absurdly large or contradictory pixels raise one error without the name."""
    pixels = picture
    with pytest.raises(UndecodablePixelsError) as caught:
        render(_write_broken(write_radiograph(pixels), attributes))
    assert "ANNA" not in str(caught.value)


def _write_broken(path: Path, attributes: dict[str, Any]) -> Path:
    data_set = dcmread(path)
    for keyword, value in attributes.items():
        if value is None:
            delattr(data_set, keyword)
        else:
            setattr(data_set, keyword, value)
    data_set.save_as(path)
    return path


def test_a_missing_file_is_not_the_objects_fault(tmp_path: Path) -> None:
    """A file that is not there raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        render(tmp_path / "absent.dcm")


def test_every_real_file_renders_or_is_refused(data_dir: Path) -> None:
    """No file of the collection raises anything but a ScreeningError."""
    rendered = 0
    for path in sorted((data_dir / "dicom").rglob("*")):
        if path.is_file() and path.suffix != ".csv":
            try:
                rendered += render(path).pixels.size > 0
            except ScreeningError:
                continue
    assert rendered > 40


REAL_WINDOWED = (
    "chest_cr/CR-MONO1-10-chest",
    "chest_cr/RG1_J2KI",
    "codecs/RG2_J2KR",
    "codecs/RG3_UNC",
    "codecs/MR_small.dcm",
)


@pytest.mark.integration
@pytest.mark.parametrize("name", REAL_WINDOWED)
def test_dcmtk_renders_the_same(name: str, data_dir: Path, tmp_path: Path) -> None:
    """Windowed real files come out as DCMTK's dcm2pnm renders them, within 1 grey level."""
    source, target = data_dir / "dicom" / name, tmp_path / "dcmtk.pgm"
    if "J2K" in name:
        plain = tmp_path / "plain.dcm"
        data_set = dcmread(source)
        data_set.decompress(generate_instance_uid=False)
        data_set.save_as(plain)
        source = plain
    subprocess.run([program("dcm2pnm"), "+Wi", "1", "+op", source, target], check=True, timeout=60)
    expected = np.asarray(Image.open(target), dtype=int)
    assert np.abs(render(source).pixels.astype(int) - expected).max() <= 1
