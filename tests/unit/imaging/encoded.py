"""Data sets as bytes, for what pydicom would not write."""

import struct
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian

from tests.unit.imaging.conftest import radiograph

LONG_VRS = frozenset({"OB", "OW", "SQ", "UN", "UT", "UC"})
PIXELS = np.arange(16 * 8, dtype=np.uint8).reshape(16, 8)
PREAMBLE = bytes(128) + b"DICM"


def element(
    tag: int, vr: str, value: bytes, *, order: str = "<", length: int | None = None
) -> bytes:
    """Return one explicit VR element; a VR of PS3.5 in its own layout, any other in the short."""
    size = len(value) if length is None else length
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF) + vr.encode("latin-1")
    if vr in LONG_VRS:
        return head + struct.pack(order + "HL", 0, size) + value
    return head + struct.pack(order + "H", size) + value


def implicit(tag: int, value: bytes, *, length: int | None = None) -> bytes:
    """Return one implicit VR little endian element, or an item or delimiter."""
    size = len(value) if length is None else length
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, size) + value


def encoded(transfer_syntax: UID = ExplicitVRLittleEndian, **attributes: object) -> bytes:
    """Return a small radiograph's data set, without preamble and file meta information."""
    made = radiograph(PIXELS, **attributes)
    made["PixelData"].VR = "OB" if transfer_syntax == ExplicitVRBigEndian else "OW"
    return bytes_of(made, transfer_syntax)


def bytes_of(made: Dataset, transfer_syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """Return a data set encoded, without preamble and file meta information."""
    target = DicomBytesIO()
    target.is_little_endian = transfer_syntax != ExplicitVRBigEndian
    target.is_implicit_VR = UID(transfer_syntax).is_implicit_VR
    write_dataset(target, Dataset(made))
    return target.getvalue()


def inserted(data_set: bytes, before: int, *elements: bytes, order: str = "<") -> bytes:
    """Return a data set with elements before the one of this tag."""
    at = data_set.index(struct.pack(order + "HH", before >> 16, before & 0xFFFF))
    return data_set[:at] + b"".join(elements) + data_set[at:]


def write(
    path: Path, data_set: bytes, transfer_syntax: str = ExplicitVRLittleEndian, meta: bytes = b""
) -> Path:
    """Write a file with preamble and file meta information."""
    uid = transfer_syntax.encode() + b"\0" * (len(transfer_syntax) % 2)
    meta = meta or element(0x00020010, "UI", uid)
    group_length = element(0x00020000, "UL", struct.pack("<L", len(meta)))
    path.write_bytes(PREAMBLE + group_length + meta + data_set)
    return path
