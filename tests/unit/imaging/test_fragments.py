"""Encapsulated Pixel Data whose tables, fragments or header are wrong, but whose frame is whole."""

import struct
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from screening.errors import TruncatedDataSetError, UndecodablePixelsError
from screening.imaging.dicom.completeness import check_complete
from screening.imaging.dicom.element import ITEM
from screening.imaging.pixels.decode import decode
from screening.imaging.tolerance import Tolerance
from tests.unit.imaging.compressed import compressed, encapsulated, item, jpeg_2000, table
from tests.unit.imaging.encoded import bytes_of, implicit, write
from tests.unit.imaging.misdescribed import WINDOW, made, picture

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


def test_native_pixels_where_compressed_ones_belong(tmp_path: Path) -> None:
    """The error says which."""
    data_set = made(picture(12), 12, **WINDOW)
    path = write(tmp_path / "t.dcm", bytes_of(data_set), JPEG2000Lossless)
    with pytest.raises(UndecodablePixelsError, match="found native ones"):
        decode(path)
