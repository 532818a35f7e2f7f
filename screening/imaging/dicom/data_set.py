"""Finds a data set in a file and how it is encoded."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_preamble
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from screening.domain.instance import fault_of_uid
from screening.errors import ScreeningError, UnreadableDataSetError
from screening.imaging.dicom.element import HEAD_BYTES, KNOWN_VRS, Encoding, Heads
from screening.imaging.quiet import quiet

PIXEL_DATA_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
"""Float, Double Float and integer Pixel Data."""
FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
"""Groups 0002 and 0008 little endian and 0008 big endian: how a file without preamble begins."""
FOREIGN_GROUPS = (0x0000, 0x0002)
"""Commands and file meta information: ignored where they stand in a data set."""
META_GROUP = 0x0002
GROUP_LENGTH, TRANSFER_SYNTAX_UID = 0x00020000, 0x00020010
MEDIA_STORAGE_SOP_CLASS_UID, MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020002, 0x00020003
_META_UIDS = (MEDIA_STORAGE_SOP_CLASS_UID, MEDIA_STORAGE_SOP_INSTANCE_UID, TRANSFER_SYNTAX_UID)
LONGEST_META_VALUE_BYTES = 1 << 16
MOST_FOREIGN_ELEMENTS = 100
"""Of groups 0000 and 0002 at the start of a data set that are passed over."""


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the File Meta Information says; "" where it says nothing. Source: PS3.10 table 7.1-1."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


@contextmanager
def opened_data_set(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read a data set's attributes from it within the block.

    Whatever a hostile data set provokes there is an UnreadableDataSetError; errors of ours, and
    MemoryError, pass. Raises OSError where the file cannot be opened.
    """
    with path.open("rb") as file, quiet():
        try:
            yield file
        except (ScreeningError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever a hostile data set provokes
            raise UnreadableDataSetError(
                "expected a DICOM data set, found one that cannot be parsed "
                f"({type(error).__name__}); send the original object"
            ) from None


def seek_data_set(file: BinaryIO) -> Encoding:
    """Leave `file` at the first element after the file meta information.

    A file without preamble or meta information is taken if its first group is one that a data set
    begins with; its encoding is guessed from the first element. The file meta information ends
    where its group length says, or where its tags stop rising: what the data set itself holds of
    group 0002 says nothing of it.

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
    uid = read_file_meta(file).transfer_syntax_uid
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


def read_file_meta(file: BinaryIO) -> FileMeta:
    """Go from behind the prefix to behind the file meta information, and return what it says.

    Raises UnreadableDataSetError where it is cut short.
    """
    values: dict[int, str] = {}
    end, last_tag = -1, -1
    while file.tell() != end:
        start = file.tell()
        element = _meta_element(file)
        if element is None or element[0] <= last_tag:
            file.seek(start)
            break
        last_tag, value = element
        if last_tag == GROUP_LENGTH and len(value) == 4 and any(value):  # noqa: PLR2004  UL
            end = file.tell() + int.from_bytes(value, "little")
        elif last_tag in _META_UIDS:
            values[last_tag] = value.decode("ascii", "replace").strip(" \0")
    return FileMeta(*(values.get(tag, "") for tag in _META_UIDS))


def _meta_element(file: BinaryIO) -> tuple[int, bytes] | None:
    """Return tag and value of an element of group 0002, Explicit or Implicit VR Little Endian."""
    head = file.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    group, number, length = struct.unpack("<HHL", head)
    if group != META_GROUP:
        return None
    vr = head[4:6].decode("latin-1")
    if vr in EXPLICIT_VR_LENGTH_32:
        length = int.from_bytes(file.read(4), "little")
    elif vr in KNOWN_VRS:
        length = int.from_bytes(head[6:], "little")
    value = file.read(length) if length <= LONGEST_META_VALUE_BYTES else b""
    if len(value) < length:
        raise UnreadableDataSetError(
            f"the file meta information cannot be parsed (element 0x{group << 16 | number:08X} "
            "is cut short); send the original object"
        )
    return group << 16 | number, value


def _encoding(file: BinaryIO, uid: str) -> Encoding:
    """Tell the encoding from the first element, which is right where the meta information errs."""
    start = file.tell()
    head = _first_head(file, uid)
    is_implicit_vr = head[4:6].decode("latin-1") not in KNOWN_VRS
    is_little_endian = head[:2] != b"\x00\x08" if not uid else uid != ExplicitVRBigEndian
    if is_implicit_vr and uid != ImplicitVRLittleEndian:
        is_implicit_vr = not _has_explicit_vr(file, is_little_endian=is_little_endian)
    file.seek(start)
    if not uid:
        guess = ImplicitVRLittleEndian if is_implicit_vr else ExplicitVRLittleEndian
        uid = str(guess if is_little_endian else ExplicitVRBigEndian)
    return Encoding(uid, is_implicit_vr, is_little_endian)


def _first_head(file: BinaryIO, uid: str) -> bytes:
    """Leave `file` at the first element of the data set's own, and return its tag and VR."""
    encoding = Encoding(uid, uid == ImplicitVRLittleEndian, uid != ExplicitVRBigEndian)
    heads = Heads(file)
    start = file.tell()
    for _ in range(MOST_FOREIGN_ELEMENTS):
        place = file.tell()
        head = file.read(6)
        file.seek(place)
        group = int.from_bytes(head[:2], "little" if encoding.is_little_endian else "big")
        if len(head) < 6 or group not in FOREIGN_GROUPS:  # noqa: PLR2004  tag and VR
            return head
        try:
            element = heads.next(encoding)
            if element is not None:
                heads.skip(element, encoding)
        except ScreeningError:
            break
    file.seek(start)
    head = file.read(6)
    file.seek(start)
    return head


def _has_explicit_vr(file: BinaryIO, *, is_little_endian: bool) -> bool:
    """Tell whether an element is explicit all the same, though PS3.5 knows no such VR."""
    try:
        element = Heads(file).next(Encoding("", False, is_little_endian))
    except ScreeningError:
        return False
    return element is not None and element.vr != ""
