"""A content item of a structured report, and its bytes.

Most items of a report say the same as in the report before: the codes, who observed, the
algorithms. So each item's own bytes are made once, by pydicom, and kept; a report joins them.
Source: DICOM PS3.3 C.17.3 (SR Document Content Module), C.18 (value types); PS3.5 7.5.1.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.valuerep import DSfloat

from screening.renderings.structured_report.codes import Code

ITEMS_KEPT = 4096
"""Of the newest reports; about a kilobyte each with what they were made from."""
_SEQUENCE_ITEM = b"\xfe\xff\x00\xe0"
_CONTENT_SEQUENCE = b"\x40\x00\x30\xa7SQ\x00\x00"
"""Tag (0040,A730), the last one of an item and of the whole data set, and VR."""


class Relationship(StrEnum):
    """How an item belongs to its parent. Source: PS3.3 table C.17.3-8."""

    CONTAINS = "CONTAINS"
    HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
    HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
    INFERRED_FROM = "INFERRED FROM"


@dataclass(frozen=True, slots=True)
class Uid:
    """The value of a UIDREF item."""

    uid: str


@dataclass(frozen=True, slots=True)
class Number:
    """The value of a NUM item."""

    number: float
    unit: Code


@dataclass(frozen=True, slots=True)
class ImageReference:
    """The value of an IMAGE item."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Separate:
    """The value of a CONTAINER item: told CONTINUOUS, viewers run values together (C.18.8)."""

    template: str = ""
    """Template Identifier of PS3.16, of the containers that name one."""


Value = str | Code | Uid | Number | ImageReference | Separate


@dataclass(frozen=True, slots=True)
class ContentItem:
    """One item, with all below it."""

    relationship: Relationship | None
    """None: the root."""
    name: Code
    value: Value
    """Its type is the value type; str: TEXT, Code: CODE."""
    children: tuple["ContentItem", ...] = ()

    def texts(self) -> Iterator[str]:
        """Yield what the TEXT items say, in order."""
        if isinstance(self.value, str):
            yield self.value
        for child in self.children:
            yield from child.texts()


def attributes_of(item: ContentItem) -> Dataset:
    """Return the item's own attributes, without what is below it."""
    return _attributes(item.relationship, item.name, item.value)


def content_sequence(items: Iterable[ContentItem]) -> bytes:
    """Return the Content Sequence of these items, in Explicit VR Little Endian and UTF-8."""
    encoded = b"".join(_encoded(items))
    return _CONTENT_SEQUENCE + struct.pack("<L", len(encoded)) + encoded


def _encoded(items: Iterable[ContentItem]) -> Iterator[bytes]:
    for item in items:
        own = _encoded_attributes(item.relationship, item.name, item.value)
        below = content_sequence(item.children) if item.children else b""
        yield _SEQUENCE_ITEM + struct.pack("<L", len(own) + len(below))
        yield own
        yield below


@lru_cache(ITEMS_KEPT)
def _encoded_attributes(relationship: Relationship | None, name: Code, value: Value) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = False, True
    write_dataset(file, _attributes(relationship, name, value), "ISO_IR 192")
    return file.getvalue()


def _attributes(relationship: Relationship | None, name: Code, value: Value) -> Dataset:
    item = Dataset()
    if relationship is not None:
        item.RelationshipType = str(relationship)
    item.ConceptNameCodeSequence = [code_item(name)]
    match value:
        case str():
            item.ValueType, item.TextValue = "TEXT", value
        case Code():
            item.ValueType, item.ConceptCodeSequence = "CODE", [code_item(value)]
        case Uid(uid):
            item.ValueType, item.UID = "UIDREF", uid
        case Number():
            item.ValueType, item.MeasuredValueSequence = "NUM", [_measured(value)]
        case ImageReference():
            item.ValueType, item.ReferencedSOPSequence = "IMAGE", [_referenced(value)]
        case Separate(template):
            item.ValueType, item.ContinuityOfContent = "CONTAINER", "SEPARATE"
            if template:
                item.ContentTemplateSequence = [_template(template)]
    return item


def code_item(code: Code) -> Dataset:
    """Return the item of a code sequence. Source: PS3.3 table 8.8-1."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _measured(value: Number) -> Dataset:
    item = Dataset()
    item.NumericValue = DSfloat(value.number, auto_format=True)
    item.FloatingPointValue = value.number
    item.MeasurementUnitsCodeSequence = [code_item(value.unit)]
    return item


def _referenced(image: ImageReference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.sop_class_uid
    item.ReferencedSOPInstanceUID = image.sop_instance_uid
    return item


def _template(identifier: str) -> Dataset:
    item = Dataset()
    item.MappingResource = "DCMR"
    item.TemplateIdentifier = identifier
    return item
