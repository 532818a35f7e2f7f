"""The precision of compressed data, and what the header says of it."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from screening.imaging.pixels.decode import decode
from screening.imaging.pixels.transfer_syntaxes import GOLDEN_FOLDER, expected_pixels
from screening.imaging.rendering.render import render
from tests.unit.imaging.compressed import (
    compressed,
    encapsulated,
    item,
    jpeg,
    jpeg_2000,
    table,
)
from tests.unit.imaging.encoded import element
from tests.unit.imaging.misdescribed import picture

EIGHT = picture(8).astype(np.uint8)
PRECISIONS = {
    "JPEG of 8 bits, 8 in 16": (JPEGBaseline8Bit, jpeg(EIGHT), {"BitsStored": 8, "HighBit": 7}),
    "JPEG of 8 bits, 8 up to 15": (JPEGBaseline8Bit, jpeg(EIGHT), {"BitsStored": 8, "HighBit": 15}),
    "JPEG of 8 bits, 12 in 16": (JPEGBaseline8Bit, jpeg(EIGHT), {"BitsStored": 12}),
    "JPEG of 8 bits, 16 in 16": (JPEGBaseline8Bit, jpeg(EIGHT), {"BitsStored": 16, "HighBit": 15}),
    "JPEG Extended of 8 bits": (JPEGExtended12Bit, jpeg(EIGHT), {"BitsStored": 12}),
    "JPEG 2000 of 8 bits": (JPEG2000Lossless, jpeg_2000(EIGHT, 8), {"BitsStored": 12}),
    "JPEG-LS of 8 bits": (
        JPEGLSLossless,
        compressed(EIGHT, 8, JPEGLSLossless),
        {"BitsStored": 12},
    ),
    "RLE of one plane": (RLELossless, compressed(EIGHT, 8, RLELossless), {"BitsStored": 8}),
}


@pytest.mark.parametrize("name", PRECISIONS)
def test_8_bits_in_16_allocated(name: str, tmp_path: Path) -> None:
    """The codestream's precision decides, whatever Bits Allocated and Stored say."""
    uid, frame, attributes = PRECISIONS[name]
    window = {"WindowCenter": 128, "WindowWidth": 256}
    path = encapsulated(tmp_path / "t.dcm", uid, [table(), item(frame)], **window, **attributes)
    rendered = render(path)
    expected = np.asarray(Image.open(BytesIO(frame))) if "JPEG of" in name else EIGHT
    if name != "JPEG Extended of 8 bits":
        assert np.abs(rendered.pixels.astype(int) - expected).max() <= 1
    assert len(np.unique(rendered.pixels)) > 100


@pytest.mark.parametrize("uid", [JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("precision", [10, 12, 14, 16])
@pytest.mark.parametrize("stored", [8, 10, 12, 16])
def test_precision_and_bits_stored_differ(
    uid: str, precision: int, stored: int, tmp_path: Path
) -> None:
    """Values are those of the codestream, and a difference that matters is noted."""
    pixels = picture(precision)
    frame = (
        jpeg_2000(pixels, precision)
        if uid == JPEG2000Lossless
        else compressed(pixels, precision, uid)
    )
    path = encapsulated(
        tmp_path / "t.dcm", uid, [table(), item(frame)], BitsStored=stored, HighBit=stored - 1
    )
    decoded = decode(path)
    assert np.array_equal(decoded.array, pixels)
    assert bool(decoded.tolerated) == (precision != stored)


@pytest.mark.parametrize("uid", [JPEG2000Lossless, JPEGLSLossless])
def test_12_bits_in_a_codestream_of_16(uid: str, tmp_path: Path) -> None:
    """Signed and unsigned, sign extended and not, as the header says; nothing is noted there."""
    for signed in (False, True):
        values = picture(12, signed=signed)
        for words in {values.astype(np.uint16).tobytes(), (values & 0xFFF).tobytes()}:
            unsigned = np.frombuffer(words, np.uint16).reshape(values.shape)
            frame = (
                jpeg_2000(unsigned, 16)
                if uid == JPEG2000Lossless
                else compressed(unsigned, 16, uid)
            )
            path = encapsulated(
                tmp_path / "t.dcm", uid, [table(), item(frame)], PixelRepresentation=int(signed)
            )
            assert np.array_equal(decode(path).array, values)


def test_12_bits_up_to_bit_15_in_a_codestream_of_16(tmp_path: Path) -> None:
    """High Bit counts there, too."""
    frame = jpeg_2000(picture(12) << 4, 16)
    path = encapsulated(tmp_path / "t.dcm", JPEG2000Lossless, [table(), item(frame)], HighBit=15)
    assert np.array_equal(decode(path).array, picture(12))


def test_an_overlay_above_the_values_in_a_codestream_of_16(tmp_path: Path) -> None:
    """Its bits are no part of the values."""
    lines = (np.indices((96, 80)).sum(axis=0) % 9 == 0).astype(np.uint16) << 13
    path = encapsulated(
        tmp_path / "t.dcm", JPEG2000Lossless, [table(), item(jpeg_2000(picture(12) | lines, 16))]
    )
    overlay = element(0x60000102, "US", struct.pack("<H", 13))
    content = path.read_bytes()
    at = content.index(b"\xe0\x7f\x10\0OB")
    path.write_bytes(content[:at] + overlay + content[at:])
    assert np.array_equal(decode(path).array, picture(12))


@pytest.mark.parametrize("stored", [8, 10, 12, 16])
def test_jpeg_lossless_of_12_bits(stored: int, tmp_path: Path) -> None:
    """Its precision decides, too."""
    golden = (GOLDEN_FOLDER / f"{JPEGLosslessSV1}.dcm").read_bytes()
    start = golden.index(b"\xff\xd8\xff")
    frame = golden[start : golden.rindex(b"\xff\xd9") + 2]
    path = encapsulated(
        tmp_path / "t.dcm",
        JPEGLosslessSV1,
        [table(8), item(frame)],
        Rows=64,
        Columns=64,
        BitsStored=stored,
        HighBit=stored - 1,
    )
    assert np.array_equal(decode(path).array, expected_pixels(12))
