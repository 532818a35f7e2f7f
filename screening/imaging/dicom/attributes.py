"""Reads attributes of a data set, also of one that breaks PS3.5, without what nobody asks for.

pydicom's own reader takes group 0002 inside a data set for the file's, loses its way at VRs of no
letters, and reads items of VR UN implicitly whatever stands there.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from pydicom.charset import default_encoding
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from screening.errors import ScreeningError
from screening.imaging.dicom.character_sets import decode_text
from screening.imaging.dicom.data_set import FOREIGN_GROUPS, PIXEL_DATA_TAGS
from screening.imaging.dicom.element import (
    UNDEFINED_LENGTH,
    ElementStart,
    Encoding,
    Heads,
    unreasonable,
)

SPECIFIC_CHARACTER_SET = 0x00080005
TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""VRs that Specific Character Set speaks of. Source: PS3.5 section 6.1.2.2."""
WORDS, NUMBERS, DECIMAL_TEXT = "OW", "US", "UC"
NUMBER_VRS = frozenset({"US", "SS"})
READ_AS: Mapping[int, str] = {
    0x00280106: NUMBERS,
    0x00280107: NUMBERS,
    0x00280120: NUMBERS,
    0x00280121: NUMBERS,
    0x00281050: DECIMAL_TEXT,
    0x00281051: DECIMAL_TEXT,
    0x00281052: DECIMAL_TEXT,
    0x00281053: DECIMAL_TEXT,
    0x00281101: NUMBERS,
    0x00281102: NUMBERS,
    0x00281103: NUMBERS,
    0x00281201: WORDS,
    0x00281202: WORDS,
    0x00281203: WORDS,
    0x00283002: NUMBERS,
    0x00283006: WORDS,
}
"""VRs by tag whatever the object says: numbers that are written in the wrong one of US and SS,
tables that come as US, OW or OB, and decimals, of which `decimal_text` makes numbers."""
LARGEST_VALUE_BYTES = 1 << 18
"""Longer values are left out; the longest that is needed is a table of 65,536 words."""


def _little_endian() -> Dataset:
    """Return an empty data set in the encoding that values are put in."""
    data_set = Dataset()
    data_set.set_original_encoding(
        is_implicit_vr=False, is_little_endian=True, character_encoding=default_encoding
    )
    return data_set


@dataclass(slots=True)
class Attributes:
    """What was read: up to Pixel Data, of which only the head was.

    lost: why the reader found no way there; what came before is read.
    """

    data_set: Dataset = field(default_factory=_little_endian)
    pixel_data: ElementStart | None = None
    lost: ScreeningError | None = None
    character_sets: list[str] = field(default_factory=list)

    def require_whole(self) -> None:
        """Raise what lost the way to Pixel Data, if anything did."""
        if self.lost is not None:
            raise self.lost


def read_attributes(
    file: BinaryIO, encoding: Encoding, wanted: Callable[[int], bool]
) -> Attributes:
    """Read the attributes that `wanted` names by tag, as far as Pixel Data, from where `file` is.

    Text comes decoded (`decode_text`), other values as they stand; an attribute that cannot be
    read raises where its value is asked for, as pydicom's do. Groups 0000 and 0002 are ignored.
    A sequence of known length that cannot be read counts as absent. Source: PS3.5 section 7.
    """
    attributes = Attributes()
    try:
        _Reader(Heads(file)).read(attributes, encoding, wanted)
    except ScreeningError as error:
        attributes.lost = error
    return attributes


def passed_attributes(
    heads: Heads, encoding: Encoding, wanted: Callable[[int], bool], longest_bytes: int
) -> Attributes:
    """Read the attributes that `wanted` names on the way to Pixel Data; stop behind its head.

    For those who go on to the end with the same `heads`. Raises ScreeningError where there is no
    way, UnreadableDataSetError where a wanted value is longer than `longest_bytes`.
    """
    attributes = Attributes()
    _Reader(heads, longest_bytes).read(attributes, encoding, wanted)
    return attributes


def require_reasonable(element: ElementStart, longest_bytes: int) -> None:
    """Raise UnreadableDataSetError where an element of defined length is longer than this."""
    if element.length != UNDEFINED_LENGTH and element.length > longest_bytes:
        raise unreasonable(
            f"at most {longest_bytes} bytes in element 0x{element.tag:08X}", f"{element.length}"
        )


class _Reader:
    def __init__(self, heads: Heads, longest_bytes: int | None = None) -> None:
        """longest_bytes: of a wanted value; a longer one is an error."""
        self._file = heads.file
        self._heads = heads
        self._longest_bytes = longest_bytes

    def read(
        self, attributes: Attributes, encoding: Encoding, wanted: Callable[[int], bool]
    ) -> None:
        """Read one data set's own elements."""
        while (element := self._heads.next(encoding)) is not None:
            if self._longest_bytes is not None and wanted(element.tag):
                require_reasonable(element, self._longest_bytes)
            if element.tag in PIXEL_DATA_TAGS:
                attributes.pixel_data = element
                return
            is_foreign = element.tag >> 16 in FOREIGN_GROUPS
            if not is_foreign and (element.tag == SPECIFIC_CHARACTER_SET or wanted(element.tag)):
                self._add(attributes, element, encoding, depth=0)
            else:
                self._heads.pass_over(element, encoding)

    def _add(
        self, attributes: Attributes, element: ElementStart, encoding: Encoding, depth: int
    ) -> None:
        vr = _vr(element)
        if vr == "SQ":
            items = self._sequence(element, encoding, attributes.character_sets, depth)
            attributes.data_set.add(DataElement(element.tag, "SQ", items))
        elif element.length <= LARGEST_VALUE_BYTES:
            self._heads.require_whole(element)
            self._file.seek(element.value_offset)
            value = self._file.read(element.length)
            _put(attributes, element, vr, value, encoding)
            self._heads.skip(element, encoding)
        else:
            self._heads.pass_over(element, encoding, depth)

    def _sequence(
        self, element: ElementStart, encoding: Encoding, character_sets: list[str], depth: int
    ) -> list[Dataset]:
        if element.length == UNDEFINED_LENGTH:
            return self._items(element, encoding, character_sets, depth)
        self._heads.require_whole(element)
        try:
            items = self._items(element, encoding, character_sets, depth)
        except ScreeningError:
            items = []
        self._heads.skip(element, encoding)
        return items

    def _items(
        self, sequence: ElementStart, encoding: Encoding, character_sets: list[str], depth: int
    ) -> list[Dataset]:
        found = []
        for item, inside in self._heads.items(sequence, encoding, depth):
            attributes = Attributes(character_sets=list(character_sets))
            for element in self._heads.item_elements(item, inside):
                self._add(attributes, element, inside, depth + 1)
            found.append(attributes.data_set)
        return found


def _vr(element: ElementStart) -> str:
    """Return the VR to read a value by; "UN" where nobody knows."""
    if element.tag in READ_AS and element.vr not in NUMBER_VRS:
        return READ_AS[element.tag]
    if element.vr not in {"", "UN"}:
        return element.vr
    try:
        return dictionary_VR(element.tag)
    except KeyError:
        return "UN"


def _put(
    attributes: Attributes, element: ElementStart, vr: str, value: bytes, encoding: Encoding
) -> None:
    tag, data_set = Tag(element.tag), attributes.data_set
    if element.tag == SPECIFIC_CHARACTER_SET:
        attributes.character_sets = value.decode("ascii", "replace").split("\\")
    if vr == DECIMAL_TEXT and element.tag in READ_AS:
        text = value.decode("ascii", "replace").rstrip("\0")
        data_set.add(DataElement(tag, vr, text, validation_mode=IGNORE))
    elif vr == WORDS and element.tag in READ_AS:
        is_bytes = element.vr in {"OB", "UN"} or encoding.is_little_endian
        kept_vr = "OB" if element.vr == "OB" else vr
        data_set.add(DataElement(tag, kept_vr, value if is_bytes else _swapped(value)))
    elif vr in TEXT_VRS:
        text = decode_text(value, attributes.character_sets, is_name=vr == "PN")
        data_set.add(DataElement(tag, vr, text.rstrip("\0 "), validation_mode=IGNORE))
    else:
        data_set[tag] = RawDataElement(
            tag, vr, len(value), value, 0, is_implicit_VR=False,
            is_little_endian=encoding.is_little_endian,
        )  # fmt: skip


def _swapped(words: bytes) -> bytes:
    """Return big endian words as little endian ones."""
    whole = len(words) // 2
    return struct.pack(f"<{whole}H", *struct.unpack(f">{whole}H", words[: 2 * whole]))
