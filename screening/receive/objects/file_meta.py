"""What stands before a received data set in its file. Source: PS3.10 section 7.1."""

import struct
from collections.abc import Iterable

from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION

from screening.transport.command_elements import even

_VERSION = struct.pack("<HH2sHI", 0x0002, 0x0001, b"OB", 0, 2) + b"\x00\x01"


def file_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return preamble, prefix and File Meta Information of an object, Explicit VR Little Endian."""
    texts: Iterable[tuple[int, bytes, str, str]] = (
        (0x0002, b"UI", sop_class_uid, "\0"),
        (0x0003, b"UI", sop_instance_uid, "\0"),
        (0x0010, b"UI", transfer_syntax_uid, "\0"),
        (0x0012, b"UI", PYNETDICOM_IMPLEMENTATION_UID, "\0"),
        (0x0013, b"SH", PYNETDICOM_IMPLEMENTATION_VERSION, " "),
    )
    elements = _VERSION + b"".join(_element(*text) for text in texts)
    group_length = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(elements))
    return bytes(128) + b"DICM" + group_length + elements


def _element(number: int, vr: bytes, text: str, padding: str) -> bytes:
    value = even(text, padding)
    return struct.pack("<HH2sH", 0x0002, number, vr, len(value)) + value
