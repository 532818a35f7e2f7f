"""Encapsulated Pixel Data whose tables, fragments or header are wrong, but whose frame is whole."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from screening.errors import TruncatedDataSetError, UndecodablePixelsError
from screening.imaging.completeness import check_complete
from screening.imaging.decode import decode
from screening.imaging.element import ITEM, SEQUENCE_DELIMITER, UNDEFINED_LENGTH
from screening.imaging.render import render
from screening.imaging.tolerance import Tolerance
from screening.imaging.transfer_syntaxes import GOLDEN_FOLDER, expected_pixels
from tests.unit.imaging.encoded import bytes_of, element, implicit, write
from tests.unit.imaging.misdescribed import WINDOW, made, picture

PIXEL_DATA = 0x7FE00010
DELIMITER = implicit(SEQUENCE_DELIMITER, b"")


def jpeg_2000(pixels: np.ndarray, bits: int) -> bytes:
    """Return a lossless JPEG 2000 frame of so many bits."""
    return bytes(encode_array(pixels, bits_stored=bits, photometric_interpretation=2))


def compressed(pixels: np.ndarray, bits: int, uid: str) -> bytes:
    """Return a frame as pydicom's encoders make it."""
    source = made(pixels, bits)
    if pixels.dtype.itemsize == 1:
        source.BitsAllocated = 8
    source.compress(uid, generate_instance_uid=False)
    return next(generate_frames(source.PixelData, number_of_frames=1))


def jpeg(pixels: np.ndarray) -> bytes:
    """Return a JPEG Baseline frame."""
    whole = BytesIO()
    Image.fromarray(pixels).save(whole, "JPEG", quality=95)
    return whole.getvalue()


def encapsulated(
    path: Path, uid: str, items: list[bytes], *, delimiter: bytes = DELIMITER, **attributes: object
) -> Path:
    """Write an object of 12 bits, or of others, with these items in its Pixel Data."""
    data_set: Dataset = made(picture(12), 12, **{**WINDOW, **attributes})
    data_set.file_meta.TransferSyntaxUID = uid
    del data_set.PixelData
    head = element(PIXEL_DATA, "OB", b"", length=UNDEFINED_LENGTH)
    return write(path, bytes_of(data_set) + head + b"".join(items) + delimiter, uid)


def item(content: bytes) -> bytes:
    """Return an item of even length."""
    return implicit(ITEM, content + b"\0" * (len(content) % 2))


def table(*offsets: int) -> bytes:
    """Return a Basic Offset Table."""
    return item(struct.pack(f"<{len(offsets)}L", *offsets))


FRAMES = {
    JPEG2000Lossless: jpeg_2000(picture(12), 12),
    JPEGLSLossless: compressed(picture(12), 12, JPEGLSLossless),
    RLELossless: compressed(picture(12), 12, RLELossless),
}


@pytest.mark.parametrize("uid", FRAMES)
@pytest.mark.parametrize(
    ("offsets", "is_noted"),
    [
        ((), False),
        ((0,), False),
        ((8,), True),
        ((0, 700), True),
        ((1 << 31,), True),
        ((0, 0), True),
    ],
)
@pytest.mark.parametrize("fragments", [1, 2, 5])
def test_one_frame_is_all_fragments(
    uid: str,
    offsets: tuple[int, ...],
    is_noted: bool,  # noqa: FBT001
    fragments: int,
    tmp_path: Path,
) -> None:
    """Whatever the Basic Offset Table says. Source: PS3.5 A.4."""
    frame = FRAMES[uid]
    size = (len(frame) // fragments + 1) // 2 * 2
    parts = [frame[start : start + size] for start in range(0, len(frame), size)]
    path = encapsulated(tmp_path / "t.dcm", uid, [table(*offsets), *map(item, parts)])
    check_complete(path)
    decoded = decode(path)
    assert np.array_equal(decoded.array, picture(12))
    assert decoded.tolerated == ((Tolerance.OFFSET_TABLE,) if is_noted else ())


@pytest.mark.parametrize("uid", FRAMES)
def test_the_table_may_be_missing(uid: str, tmp_path: Path) -> None:
    """The first item is then the frame's."""
    path = encapsulated(tmp_path / "t.dcm", uid, [item(FRAMES[uid])])
    decoded = decode(path)
    assert np.array_equal(decoded.array, picture(12))
    assert decoded.tolerated == (Tolerance.OFFSET_TABLE,)


@pytest.mark.parametrize("counted", [True, False])
def test_fragments_of_odd_length(counted: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """With and without a padding byte that the length does not count."""
    frame = FRAMES[JPEG2000Lossless]
    parts = [frame[:333], frame[333:]]
    items = [implicit(ITEM, part, length=len(part)) for part in parts]
    if not counted:
        items = [one + b"\0" * (len(one) % 2) for one in items]
    path = encapsulated(tmp_path / "t.dcm", JPEG2000Lossless, [table(), *items])
    check_complete(path)
    assert np.array_equal(decode(path).array, picture(12))


@pytest.mark.parametrize("offset", [0, 4, 1 << 40])
def test_an_extended_offset_table_is_not_needed(offset: int, tmp_path: Path) -> None:
    """Right or wrong, with one frame."""
    frame = FRAMES[JPEG2000Lossless]
    path = encapsulated(
        tmp_path / "t.dcm",
        JPEG2000Lossless,
        [table(), item(frame)],
        ExtendedOffsetTable=struct.pack("<Q", offset),
        ExtendedOffsetTableLengths=struct.pack("<Q", 7),
    )
    assert np.array_equal(decode(path).array, picture(12))


@pytest.mark.parametrize("uid", FRAMES)
def test_a_missing_delimiter(uid: str, tmp_path: Path) -> None:
    """The SCP refuses it, as it does any cut; a file that has the whole frame renders, noted."""
    path = encapsulated(tmp_path / "t.dcm", uid, [table(), item(FRAMES[uid])], delimiter=b"")
    with pytest.raises(TruncatedDataSetError):
        check_complete(path)
    decoded = decode(path)
    assert np.array_equal(decoded.array, picture(12))
    assert decoded.tolerated == (Tolerance.SEQUENCE_DELIMITER,)
    path.write_bytes(path.read_bytes()[:-2])
    for read in (check_complete, decode):
        with pytest.raises(TruncatedDataSetError):
            read(path)


@pytest.mark.parametrize("frames", [2, 3])
@pytest.mark.parametrize("has_table", [True, False])
def test_the_first_of_several_frames(frames: int, has_table: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """By the table, by one fragment a frame, or by the end of the codestream."""
    first, other = jpeg_2000(picture(12), 12), jpeg_2000(4095 - picture(12), 12)
    half = len(first) // 4 * 2
    for cut in ([first], [first[:half], first[half:]]):
        items = [*map(item, cut), *[item(other)] * (frames - 1)]
        second = sum(8 + (len(part) + 1) // 2 * 2 for part in cut)
        step = 8 + (len(other) + 1) // 2 * 2
        offsets = [0, *(second + number * step for number in range(frames - 1))]
        path = encapsulated(
            tmp_path / "t.dcm",
            JPEG2000Lossless,
            [table(*offsets) if has_table else table(), *items],
            NumberOfFrames=frames,
        )
        assert np.array_equal(decode(path).array, picture(12))


@pytest.mark.parametrize("items", [[], [table()], [table(), item(b"")]])
def test_no_fragments_are_no_picture(items: list[bytes], tmp_path: Path) -> None:
    """One error, which says what was expected."""
    path = encapsulated(tmp_path / "t.dcm", JPEG2000Lossless, items)
    with pytest.raises(UndecodablePixelsError, match="found no fragments"):
        decode(path)


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


def test_native_pixels_where_compressed_ones_belong(tmp_path: Path) -> None:
    """The error says which."""
    data_set = made(picture(12), 12, **WINDOW)
    path = write(tmp_path / "t.dcm", bytes_of(data_set), JPEG2000Lossless)
    with pytest.raises(UndecodablePixelsError, match="found native ones"):
        decode(path)
