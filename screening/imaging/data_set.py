"""Finds a data set in a file and reads the heads of its elements."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.errors import InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.tag import BaseTag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from screening.domain.instance import fault_of_uid
from screening.errors import TruncatedDataSetError, UnreadableDataSetError
from screening.imaging.quiet import quiet

PIXEL_DATA_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
"""Float, Double Float and integer Pixel Data."""
UNDEFINED_LENGTH = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_DELIMITER = 0xFFFEE00D
SEQUENCE_DELIMITER = 0xFFFEE0DD
HEAD_CUT = "expected a whole data set, but it ends within the head of an element; send it again"
FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
"""Groups 0002 and 0008 little endian and 0008 big endian: how a file without preamble begins."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the elements of a data set are encoded. Source: PS3.5 section 7 and annex A."""

    transfer_syntax_uid: str
    is_implicit_vr: bool
    is_little_endian: bool


@dataclass(frozen=True, slots=True)
class ElementStart:
    """The head of one element and where its value lies, in bytes of the file; vr "" if implicit."""

    tag: int
    vr: str
    length: int
    value_offset: int


def at_pixel_data(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    """Return whether `tag` is a pixel data element; for pydicom's `stop_when`."""
    return tag in PIXEL_DATA_TAGS


def seek_data_set(file: BinaryIO) -> Encoding:
    """Leave `file` at the first element after the file meta information.

    A file without preamble or meta information is taken if its first group is one that a data set
    begins with; its encoding is guessed from the first element.

    Raises UnreadableDataSetError where it is no DICOM file, or a deflated one: those are refused
    since a few kilobytes can inflate to gigabytes.
    Source: PS3.10 section 7.1.
    """
    with quiet():
        try:
            has_preamble = read_preamble(file, force=True) is not None
        except (EOFError, InvalidDicomError):
            has_preamble = False
        start = file.tell()
        if not has_preamble and file.read(2) not in FIRST_GROUPS:
            raise UnreadableDataSetError(
                "expected a DICOM file (preamble and 'DICM', or a bare data set), found other "
                "bytes; send the original object"
            )
        file.seek(start)
        try:
            meta = _read_file_meta_info(file)
            uid = str(meta.get("TransferSyntaxUID") or "").strip(" \0")
        except Exception as error:  # noqa: BLE001  whatever a damaged group 0002 provokes
            raise UnreadableDataSetError(
                f"the file meta information cannot be parsed ({type(error).__name__}); "
                "send the original object"
            ) from None
    if uid and (fault := fault_of_uid(uid)):
        raise UnreadableDataSetError(
            f"expected a transfer syntax UID, found {fault}; send the original object"
        )
    if uid == DeflatedExplicitVRLittleEndian:
        raise UnreadableDataSetError(
            "expected a transfer syntax without deflate, found Deflated Explicit VR Little "
            "Endian; send it uncompressed"
        )
    return _encoding(file, uid)


def _encoding(file: BinaryIO, uid: str) -> Encoding:
    """Tell the encoding from the first element, which is right where the meta information errs."""
    start = file.tell()
    head = file.read(6)
    file.seek(start)
    is_implicit_vr = head[4:6].decode("latin-1") not in set(VR)
    is_little_endian = head[:2] != b"\x00\x08" if not uid else uid != ExplicitVRBigEndian
    if not uid:
        guess = ImplicitVRLittleEndian if is_implicit_vr else ExplicitVRLittleEndian
        uid = str(guess if is_little_endian else ExplicitVRBigEndian)
    return Encoding(uid, is_implicit_vr, is_little_endian)


def element_start(file: BinaryIO, encoding: Encoding) -> ElementStart | None:
    """Read the head of the element where `file` stands; None at the end of the file.

    Raises TruncatedDataSetError where the file ends within the head. Source: PS3.5 section 7.1.
    """
    order = "<" if encoding.is_little_endian else ">"
    head = file.read(8)
    if not head:
        return None
    if len(head) < 8:  # noqa: PLR2004  tag and length
        raise TruncatedDataSetError(HEAD_CUT)
    group, element, length = struct.unpack(order + "HHL", head)
    vr = head[4:6].decode("latin-1")
    if group == ITEM >> 16 or encoding.is_implicit_vr or not ("AA" <= vr <= "ZZ"):
        vr = ""
    elif vr in EXPLICIT_VR_LENGTH_32:
        long_length = file.read(4)
        if len(long_length) < 4:  # noqa: PLR2004  a 32-bit length
            raise TruncatedDataSetError(HEAD_CUT)
        (length,) = struct.unpack(order + "L", long_length)
    else:
        (length,) = struct.unpack(order + "H", head[6:])
    return ElementStart(group << 16 | element, vr, length, file.tell())
