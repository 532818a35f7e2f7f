"""Reads the heads of a data set's elements, also of those that break PS3.5 section 7.1."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import BinaryIO, Literal

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from screening.errors import TruncatedDataSetError, UnreadableDataSetError

UNDEFINED_LENGTH = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_DELIMITER = 0xFFFEE00D
SEQUENCE_DELIMITER = 0xFFFEE0DD
DELIMITATION_GROUP = 0xFFFE
MOST_ELEMENTS = 50_000
"""Elements, items and fragments together; radiographs have hundreds."""
DEEPEST_NESTING = 16
"""Sequences within sequences; radiographs have up to four."""
KNOWN_VRS = frozenset(str(vr) for vr in VR if len(vr) == 2)  # noqa: PLR2004  not "OB or OW"
HEAD_BYTES = 8
_OF_SHORT_LENGTH = {vr.encode("ascii"): vr for vr in KNOWN_VRS if vr not in EXPLICIT_VR_LENGTH_32}
"""VRs whose elements have 2 bytes of length. Source: PS3.5 table 7.1-2."""
HEAD_CUT = "expected a whole data set, but it ends within the head of an element; send it again"


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

    @property
    def end(self) -> int:
        """Where the value ends, if its length is defined."""
        return self.value_offset + self.length


class _Layout(Enum):
    """Where an element has its length. Source: PS3.5 tables 7.1-1 to 7.1-3."""

    SHORT = "VR and 2 bytes of length"
    LONG = "VR, 2 reserved bytes and 4 bytes of length"
    IMPLICIT = "4 bytes of length"


class Heads:
    """Reads heads from where a file stands, up to 50,000 of them.

    A VR that PS3.5 does not know, or one that breaks its layout, is read in the first layout behind
    which another head, a delimiter or the end follows: of other characters than letters as DCMTK
    reads them (2 bytes of length), letters as PS3.5 section 6.2 says of future ones (4 bytes).
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        start = file.tell()
        self._size_bytes = file.seek(0, os.SEEK_END)
        file.seek(start)
        self._count = 0

    def next(self, encoding: Encoding, end: int | None = None) -> ElementStart | None:
        """Read the head where the file stands; None at `end`, or at the end of the file.

        end: where the enclosing item ends, in bytes of the file.
        Raises TruncatedDataSetError where the file ends within the head, UnreadableDataSetError
        where the head has no VR and no layout that lead to another, or where it is one too many.
        Source: PS3.5 section 7.1.
        """
        if end is not None and self.file.tell() >= end:
            return None
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise unreasonable(f"up to {MOST_ELEMENTS} elements, items and fragments", "more")
        head = self.file.read(HEAD_BYTES)
        if not head:
            return None
        if len(head) < HEAD_BYTES:
            raise TruncatedDataSetError(HEAD_CUT)
        return self._element(head, encoding, self._size_bytes if end is None else end)

    def require_whole(self, element: ElementStart) -> None:
        """Raise TruncatedDataSetError where the file ends within the element's value."""
        if (missing := element.end - self._size_bytes) > 0:
            raise truncated(f"{missing} bytes are missing")

    def skip(self, element: ElementStart, encoding: Encoding) -> None:
        """Go behind an element of defined length.

        An item of odd length may be padded without counting it (PS3.5 section 7.1 forbids it).
        Raises TruncatedDataSetError where the file ends within the value.
        """
        self.require_whole(element)
        self.file.seek(element.end)
        if element.tag == ITEM and element.length % 2:
            here, behind_padding = self._tag_at(element.end, encoding), element.end + 1
            if not _is_delimitation(here) and _is_delimitation(
                self._tag_at(behind_padding, encoding)
            ):
                self.file.seek(behind_padding)
            else:
                self.file.seek(element.end)

    def pass_over(self, element: ElementStart, encoding: Encoding, depth: int = 0) -> None:
        """Go behind an element: a value, a sequence or encapsulated Pixel Data.

        Raises TruncatedDataSetError where the file ends before the element does,
        UnreadableDataSetError where sequences are nested deeper than 16.
        Source: PS3.5 sections 7.5 and A.4.
        """
        if element.length != UNDEFINED_LENGTH:
            self.skip(element, encoding)
            return
        for item, inside in self.items(element, encoding, depth):
            if item.length != UNDEFINED_LENGTH:
                self.skip(item, inside)
                continue
            for within in self.item_elements(item, inside):
                self.pass_over(within, inside, depth + 1)

    def items(
        self, sequence: ElementStart, encoding: Encoding, depth: int
    ) -> Iterator[tuple[ElementStart, Encoding]]:
        """Yield the items of a sequence at their values, with the encoding inside each.

        The caller goes behind each item before it asks for the next. Raises as `pass_over`.
        """
        if depth >= DEEPEST_NESTING:
            raise unreasonable(f"sequences nested up to {DEEPEST_NESTING} deep", "deeper ones")
        inside = self._within(sequence, encoding)
        end = None if sequence.length == UNDEFINED_LENGTH else sequence.end
        self.file.seek(sequence.value_offset)
        while (item := self.next(inside, end)) is not None:
            if item.tag == SEQUENCE_DELIMITER:
                return
            if item.tag != ITEM:
                raise truncated("something else than an item stands where an item belongs")
            yield item, self._within_item(sequence, inside)
        if end is None:
            raise truncated("the delimiter of a sequence or of Pixel Data is missing")

    def item_elements(self, item: ElementStart, encoding: Encoding) -> Iterator[ElementStart]:
        """Yield an item's elements; the caller goes behind each. Raises as `pass_over`."""
        end = None if item.length == UNDEFINED_LENGTH else item.end
        while (element := self.next(encoding, end)) is not None:
            if element.tag == ITEM_DELIMITER:
                return
            yield element
        if end is None:
            raise truncated("it ends within an item")

    def _within(self, element: ElementStart, encoding: Encoding) -> Encoding:
        """Return how the items of a sequence are encoded, where it is of VR UN or of none.

        Those of UN are little endian. Source: PS3.5 section 6.2.2 note 2.
        """
        if element.vr in {"SQ", ""}:
            return encoding
        inside = replace(encoding, is_little_endian=True)
        return inside if self._tag_at(element.value_offset, inside) == ITEM else encoding

    def _within_item(self, sequence: ElementStart, encoding: Encoding) -> Encoding:
        """Return how the item is encoded in which the file stands.

        In a sequence of VR UN: implicitly, as PS3.5 section 6.2.2 note 2 says, unless an explicit
        VR stands there.
        """
        if encoding.is_implicit_vr or sequence.vr in {"SQ", ""}:
            return encoding
        start = self.file.tell()
        head = self.file.read(HEAD_BYTES)
        is_explicit = False
        if head[4:6].decode("latin-1") in KNOWN_VRS:
            layouts = _layouts(head[4:6].decode("latin-1"))
            candidate = self._in_layout(head, next(layouts), encoding)
            is_explicit = self._leads_on(candidate, None, encoding, self._size_bytes)
        self.file.seek(start)
        return encoding if is_explicit else replace(encoding, is_implicit_vr=True)

    def _element(self, head: bytes, encoding: Encoding, end: int) -> ElementStart:
        start = self.file.tell()
        order = _byte_order(encoding)
        group = int.from_bytes(head[:2], order)
        short = None if encoding.is_implicit_vr else _OF_SHORT_LENGTH.get(head[4:6])
        if short is not None and group != DELIMITATION_GROUP:  # as nearly all are
            tag = group << 16 | int.from_bytes(head[2:4], order)
            return ElementStart(tag, short, int.from_bytes(head[6:], order), start)
        if group == DELIMITATION_GROUP or encoding.is_implicit_vr:
            return self._in_layout(head, _Layout.IMPLICIT, encoding)
        vr = head[4:6].decode("latin-1")
        is_long = vr in EXPLICIT_VR_LENGTH_32
        if vr in KNOWN_VRS and not (is_long and any(head[6:8])):
            return self._in_layout(head, next(_layouts(vr)), encoding)
        for layout in _layouts(vr):
            self.file.seek(start)
            element = self._in_layout(head, layout, encoding)
            repeated = head[4:6] if layout is _Layout.SHORT else None
            if self._leads_on(element, repeated, encoding, end):
                self.file.seek(element.value_offset)
                return element
        element = self._in_layout(head, _Layout.IMPLICIT, encoding)
        raise UnreadableDataSetError(
            f"expected a value representation and a length in element 0x{element.tag:08X}, found "
            "neither; correct the object at its source"
        )

    def _in_layout(self, head: bytes, layout: _Layout, encoding: Encoding) -> ElementStart:
        order = "<" if encoding.is_little_endian else ">"
        group, number, length = struct.unpack(order + "HHL", head)
        vr = head[4:6].decode("latin-1").upper()
        if layout is _Layout.IMPLICIT:
            vr = ""
        elif layout is _Layout.SHORT:
            (length,) = struct.unpack(order + "H", head[6:])
        else:
            long_length = self.file.read(4)
            if len(long_length) < 4:  # noqa: PLR2004  a 32-bit length
                raise TruncatedDataSetError(HEAD_CUT)
            (length,) = struct.unpack(order + "L", long_length)
        if vr and vr not in KNOWN_VRS:
            vr = "UN"
        return ElementStart(group << 16 | number, vr, length, self.file.tell())

    def _leads_on(
        self, element: ElementStart, repeated_vr: bytes | None, encoding: Encoding, end: int
    ) -> bool:
        """Tell whether behind an element another head, a delimiter or the end of all stands.

        repeated_vr: what may stand there for a VR too, though PS3.5 does not know it.
        """
        if element.length == UNDEFINED_LENGTH:
            return self._tag_at(element.value_offset, encoding) in {ITEM, SEQUENCE_DELIMITER}
        if element.end >= end:
            return element.end == end
        self.file.seek(element.end)
        follows = self.file.read(HEAD_BYTES)
        if not any(follows):
            return True
        if len(follows) < HEAD_BYTES:
            return False
        following = self._in_layout(follows, _Layout.IMPLICIT, encoding)
        if _is_delimitation(following.tag):
            return True
        is_explicit = follows[4:6].decode("latin-1") in KNOWN_VRS or follows[4:6] == repeated_vr
        is_implicit = not element.vr and following.end <= end
        return following.tag > element.tag and (is_explicit or is_implicit)

    def _tag_at(self, offset: int, encoding: Encoding) -> int:
        self.file.seek(offset)
        order = _byte_order(encoding)
        group, number = self.file.read(2), self.file.read(2)
        return int.from_bytes(group, order) << 16 | int.from_bytes(number, order)


def truncated(found: str) -> TruncatedDataSetError:
    """Return the error of a data set that was cut."""
    return TruncatedDataSetError(f"expected a whole data set, but {found}; send the object again")


def unreasonable(expected: str, found: str) -> UnreadableDataSetError:
    """Return the error of a data set that would cost more than any radiograph does."""
    return UnreadableDataSetError(f"expected {expected}, found {found}; this is no radiograph")


def _byte_order(encoding: Encoding) -> Literal["little", "big"]:
    return "little" if encoding.is_little_endian else "big"


def _is_delimitation(tag: int) -> bool:
    return tag in {ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER}


def _layouts(vr: str) -> Iterator[_Layout]:
    """Return the layouts an element of this VR may have, the likeliest first."""
    is_long = vr.upper() in EXPLICIT_VR_LENGTH_32
    if vr.upper() in KNOWN_VRS:
        yield from (_Layout.LONG, _Layout.SHORT) if is_long else (_Layout.SHORT, _Layout.LONG)
    elif vr.isalpha() and vr.isascii() and vr.isupper():
        yield from (_Layout.LONG, _Layout.SHORT)
    else:
        yield from (_Layout.SHORT, _Layout.LONG)
    yield _Layout.IMPLICIT
