"""Encapsulated Pixel Data: the compressed bytes of its first frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from screening.errors import TruncatedDataSetError, UndecodablePixelsError
from screening.imaging.dicom.element import UNDEFINED_LENGTH, ElementStart, Encoding, Heads
from screening.imaging.pixels.codestream import is_codestream_start
from screening.imaging.tolerance import Tolerance

END_MARKERS = (b"\xff\xd9",)
"""EOI of JPEG and JPEG-LS, EOC of JPEG 2000."""
OFFSET_BYTES, ITEM_HEAD_BYTES = 4, 8


@dataclass(frozen=True, slots=True)
class FirstFrame:
    """The first frame's compressed bytes, and in what it was not taken at its word."""

    content: bytes
    tolerated: tuple[Tolerance, ...] = ()


def first_frame(
    file: BinaryIO, pixel_data: ElementStart, encoding: Encoding, frames: int
) -> FirstFrame:
    """Read the first of so many frames; with one frame all fragments are the frame.

    So says PS3.5 annex A.4, whatever the Basic or Extended Offset Table says. The table may be
    missing, and the delimiter where the file ends behind a whole fragment.
    Raises TruncatedDataSetError where the file ends within a fragment, UndecodablePixelsError
    where there are no fragments.
    """
    fragments, tolerated = _fragments(file, pixel_data, encoding)
    has_table = bool(fragments) and not is_codestream_start(fragments[0])
    table = fragments.pop(0) if has_table else b""
    if not fragments or not any(fragments):
        raise UndecodablePixelsError("expected compressed Pixel Data, found no fragments in it")
    ends = _frame_ends(fragments)
    offsets = _offsets(table)
    if frames <= 1:
        if offsets not in ([], [0]) or not has_table:
            tolerated.append(Tolerance.OFFSET_TABLE)
        return FirstFrame(b"".join(fragments), tuple(tolerated))
    count = 1
    if len(fragments) != frames:
        is_table_right = len(offsets) == frames and offsets[:1] == [0] and offsets[1] in ends
        count = ends.index(offsets[1]) + 1 if is_table_right else _marked_end(fragments)
    return FirstFrame(b"".join(fragments[:count]), tuple(tolerated))


def _fragments(
    file: BinaryIO, pixel_data: ElementStart, encoding: Encoding
) -> tuple[list[bytes], list[Tolerance]]:
    heads = Heads(file)
    fragments = []
    try:
        for item, inside in heads.items(pixel_data, encoding, depth=0):
            if item.length == UNDEFINED_LENGTH:
                raise UndecodablePixelsError("expected fragments of known length, found others")
            heads.require_whole(item)
            file.seek(item.value_offset)
            fragments.append(file.read(item.length))
            heads.skip(item, inside)
    except TruncatedDataSetError:
        if not fragments or file.read(1):
            raise
        return fragments, [Tolerance.SEQUENCE_DELIMITER]
    return fragments, []


def _offsets(table: bytes) -> list[int]:
    starts = range(0, len(table) - OFFSET_BYTES + 1, OFFSET_BYTES)
    return [int.from_bytes(table[start : start + OFFSET_BYTES], "little") for start in starts]


def _frame_ends(fragments: Sequence[bytes]) -> list[int]:
    """Return behind each fragment the offset that a table gives what follows."""
    ends, end = [], 0
    for fragment in fragments:
        end += ITEM_HEAD_BYTES + len(fragment)
        ends.append(end)
    return ends


def _marked_end(fragments: Sequence[bytes]) -> int:
    """Return how many fragments there are up to the first with an end marker."""
    for number, fragment in enumerate(fragments, start=1):
        if fragment.rstrip(b"\0")[-2:] in END_MARKERS:
            return number
    return len(fragments)
