"""A DICOM file taken apart into heads and values that joined again are the same file.

Sequences and items are heads of their own, whatever they hold follows them: an edit may then give
any of them another length, another place, or no end.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from screening.imaging.dicom.data_set import PIXEL_DATA_TAGS, seek_data_set
from screening.imaging.dicom.element import ITEM, UNDEFINED_LENGTH, Encoding

PREAMBLE_BYTES = 132
FILE_META = Encoding("", is_implicit_vr=False, is_little_endian=True)


@dataclass(frozen=True, slots=True)
class Part:
    """One element: tag, VR and length as they are encoded, and its value.

    What is no element (preamble, trailing bytes) has only a value.
    """

    tag: bytes = b""
    vr: bytes = b""
    length: bytes = b""
    value: bytes = b""
    order: str = "<"

    def __bytes__(self) -> bytes:
        return self.tag + self.vr + self.length + self.value

    @property
    def number(self) -> int:
        """The tag as a number; 0 where there is none."""
        group, element = struct.unpack(self.order + "HH", self.tag) if self.tag else (0, 0)
        return int(group << 16 | element)


def taken_apart(content: bytes) -> tuple[Part, ...]:
    """Return the parts of a file; what cannot be told apart is one part."""
    file = BytesIO(content)
    encoding = seek_data_set(file)
    start = file.tell()
    head = PREAMBLE_BYTES if content[128:132] == b"DICM" else 0
    meta = content[head:start]
    parts = (
        Part(value=content[:head]),
        *_elements(meta, FILE_META),
        *_elements(content[start:], encoding),
    )
    assert joined(parts) == content
    return parts


def joined(parts: tuple[Part, ...] | list[Part]) -> bytes:
    """Return the file."""
    return b"".join(map(bytes, parts))


def encoded_length(part: Part, size_bytes: int) -> bytes:
    """Return a length as this part's head encodes it, cut to what it can hold."""
    form = "H" if len(part.length) == 2 else "L"
    return struct.pack(part.order + form, size_bytes & (256 ** len(part.length) - 1))


def _elements(content: bytes, encoding: Encoding) -> Iterator[Part]:
    order = "<" if encoding.is_little_endian else ">"
    offset, in_pixel_data = 0, False
    while len(content) - offset >= 8:
        part, length = _head(content[offset : offset + 12], order, encoding)
        is_pixel_data = part.number in PIXEL_DATA_TAGS
        is_item = part.number >> 16 == ITEM >> 16
        holds = (
            part.vr[:2] == b"SQ" or length == UNDEFINED_LENGTH or (is_item and not in_pixel_data)
        )
        size = 0 if holds else length
        start = offset + len(bytes(part))
        if start + size > len(content):
            break
        in_pixel_data = (is_pixel_data and length == UNDEFINED_LENGTH) or (
            in_pixel_data and is_item
        )
        yield Part(part.tag, part.vr, part.length, content[start : start + size], order)
        offset = start + size
    if offset < len(content):
        yield Part(value=content[offset:])


def _head(head: bytes, order: str, encoding: Encoding) -> tuple[Part, int]:
    tag, vr, rest = head[:4], head[4:6], head[6:]
    group = struct.unpack(order + "H", tag[:2])[0]
    if encoding.is_implicit_vr or group == ITEM >> 16 or not vr.isalpha():
        length = head[4:8]
        return Part(tag, b"", length, b"", order), struct.unpack(order + "L", length)[0]
    if vr.decode("latin-1") in EXPLICIT_VR_LENGTH_32 and len(head) == 12:
        return Part(tag, head[4:8], head[8:], b"", order), struct.unpack(order + "L", head[8:])[0]
    return Part(tag, vr, rest[:2], b"", order), struct.unpack(order + "H", rest[:2])[0]
