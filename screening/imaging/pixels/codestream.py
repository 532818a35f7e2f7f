"""Reads what a compressed frame itself declares: size and precision.

A decoder allocates by the codestream, not by Rows and Columns: a small file could take all memory.
"""

import struct
from dataclasses import dataclass

JPEG_START = b"\xff\xd8"
JPEG_2000_START = b"\xff\x4f\xff\x51"
JP2_START = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
JP2_CODESTREAM = b"jp2c"
JPEG_STAND_ALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
JPEG_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15 without DHT, JPG and DAC; SOF55 of JPEG-LS."""
DEPTH_BITS = 0x7F
"""Of Ssiz, whose highest bit says that samples are signed."""
RLE_HEADER_BYTES, MOST_RLE_SEGMENTS = 64, 15


@dataclass(frozen=True, slots=True)
class FrameSize:
    """Rows, columns and components of one compressed frame."""

    rows: int
    columns: int
    components: int

    def __str__(self) -> str:
        return f"{self.rows} x {self.columns} x {self.components}"


@dataclass(frozen=True, slots=True)
class Codestream:
    """What one compressed frame declares; precision: bits of a sample."""

    size: FrameSize
    precision: int
    is_signed: bool = False


def is_codestream_start(content: bytes) -> bool:
    """Tell whether a frame of any compression begins here. Source: also PS3.5 annex G.5 (RLE)."""
    starts = (JPEG_START, JPEG_2000_START, JP2_START)
    return content.startswith(starts) or rle_segments(content) is not None


def rle_segments(frame: bytes) -> int | None:
    """Return how many byte planes an RLE frame has; None for anything else.

    Source: PS3.5 annex G.5.
    """
    if len(frame) < RLE_HEADER_BYTES:
        return None
    segments, first_offset = struct.unpack_from("<2L", frame)
    is_rle = 1 <= segments <= MOST_RLE_SEGMENTS and first_offset == RLE_HEADER_BYTES
    return int(segments) if is_rle else None


def read_codestream(frame: bytes) -> Codestream | None:
    """Return what a JPEG, JPEG-LS or JPEG 2000 frame declares; None for anything else.

    A JPEG 2000 codestream may be in a JP2 file, which some devices send.
    Source: ISO/IEC 10918-1 B.2.2, ISO/IEC 14495-1 C.2.2, ISO/IEC 15444-1 A.5.1 and I.4.
    """
    try:
        if frame.startswith(JPEG_START):
            return _jpeg(frame)
        start = _jp2_codestream(frame) if frame.startswith(JP2_START) else 0
        if frame.startswith(JPEG_2000_START, start):
            return _jpeg_2000(frame, start)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg(frame: bytes) -> Codestream | None:
    offset = 2
    while frame[offset] == 0xFF:  # noqa: PLR2004  every marker starts with it
        marker = frame[offset + 1]
        if marker in JPEG_FRAME_MARKERS:
            precision, *size = struct.unpack_from(">BHHB", frame, offset + 4)
            return Codestream(FrameSize(*size), precision)
        if marker == 0xFF:  # noqa: PLR2004  a fill byte
            offset += 1
        elif marker in JPEG_STAND_ALONE_MARKERS:
            offset += 2
        else:
            offset += 2 + struct.unpack_from(">H", frame, offset + 2)[0]
    return None


def _jp2_codestream(frame: bytes) -> int:
    """Return where the codestream begins: in the first box of its kind, as decoders take it."""
    offset = 0
    while True:
        length, kind = struct.unpack_from(">I4s", frame, offset)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", frame, offset + head)
            head = 16
        if kind == JP2_CODESTREAM:
            return offset + head
        if length < head:
            raise IndexError
        offset += length


def _jpeg_2000(frame: bytes, start: int) -> Codestream:
    right, bottom, left, top = struct.unpack_from(">IIII", frame, start + 8)
    components, sign_and_depth = struct.unpack_from(">HB", frame, start + 40)
    size = FrameSize(bottom - top, right - left, components)
    is_signed = sign_and_depth > DEPTH_BITS
    return Codestream(size, (sign_and_depth & DEPTH_BITS) + 1, is_signed)
