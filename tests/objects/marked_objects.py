"""Radiographs with a mark in every element that can hold one, and broken ones beside them."""

import io
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom.config import IGNORE
from pydicom.datadict import DicomDictionary, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from screening.imaging.quiet import quiet
from tests.objects.marks import Marks

NEEDED = frozenset(
    {
        *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
        *("SpecificCharacterSet", "Modality", "ImageType", "BodyPartExamined", "ViewPosition"),
        *("PresentationIntentType", "PatientAge", "PixelIntensityRelationship"),
        *("PresentationLUTShape", "RescaleType", "TimezoneOffsetFromUTC", "PatientSex"),
    }
)
"""Left as they are in what is to be classified; `GATE` breaks these one by one."""
GROUPS = (0x0008, 0x0010, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040, 0x4008)
PATIENT_GROUPS = (0x0010,)
PRIVATE_GROUPS = (0x0009, 0x0011, 0x0043)

MAKERS: dict[str, Callable[[Marks, str], Any]] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"), Marks.text),
    "PN": Marks.name,
    "UI": Marks.uid,
    "IS": Marks.number,
    "DS": Marks.number,
    "DA": Marks.date,
    "TM": Marks.time,
    "DT": Marks.date_time,
}
GATE: dict[str, Callable[[str], Any]] = {
    "Modality": lambda mark: mark,
    "BodyPartExamined": lambda mark: mark,
    "ViewPosition": lambda mark: f"LATERAL {mark}"[:16],
    "ImageType": lambda mark: ["DERIVED", "LOCALIZER", mark],
    "PresentationIntentType": lambda mark: mark,
    "AnatomicRegionSequence": lambda mark: [_code(mark, f"HAND OF {mark}")],
    "ViewCodeSequence": lambda mark: [_code(mark, f"LATERAL OF {mark}")],
    "SpecificCharacterSet": lambda mark: mark,
    "PhotometricInterpretation": lambda mark: mark,
    "PatientAge": lambda mark: mark,
    "PatientSex": lambda mark: mark,
    "StudyDate": lambda mark: mark,
    "PatientBirthDate": lambda mark: mark,
    "NumberOfFrames": lambda mark: mark,
    "WindowCenter": lambda mark: mark,
    "WindowWidth": lambda mark: mark,
    "RescaleSlope": lambda mark: mark,
    "PixelPaddingValue": lambda mark: mark,
    "VOILUTFunction": lambda mark: mark,
    "TimezoneOffsetFromUTC": lambda mark: mark,
    "SeriesInstanceUID": lambda mark: mark,
    "StudyInstanceUID": lambda mark: mark,
    "SOPInstanceUID": lambda mark: mark,
    "SOPClassUID": lambda mark: mark,
}
"""What the stations look at, each with free text in it, most of it illegal there."""


@dataclass(frozen=True)
class MarkedObject:
    """One object: what the C-STORE request says, and its file."""

    label: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    encoded: bytes


def marked(
    base: Dataset, marks: Marks, label: str, groups: Sequence[int] = PATIENT_GROUPS
) -> Dataset:
    """Return a copy of a radiograph with a mark in every text element, known, nested or private.

    base: a phantom; groups: of the known elements. Its UIDs are new and legal, its pixels and what
    the gate looks at stay.
    """
    made = Dataset()
    made.update(base)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = base.file_meta.TransferSyntaxUID
    _mark_all(made, marks, label, groups)
    for keyword in (
        "OtherPatientIDsSequence",
        "RequestAttributesSequence",
        "ConceptNameCodeSequence",
    ):
        item = Dataset()
        _mark_all(item, marks, f"{label} {keyword}", groups)
        _put(made, keyword, [item])
    for group in PRIVATE_GROUPS:
        block = made.private_block(group, marks.text(f"{label} private creator"), create=True)
        for number, vr in enumerate(("LO", "SH", "ST", "UN", "OB", "UT", "PN")):
            mark = marks.text(f"{label} private {vr}")
            binary = vr in {"UN", "OB"}
            block.add_new(number, vr, mark.encode() + b" " if binary else mark)
    number = marks._next()
    made.SOPInstanceUID = f"1.2.3.4.{number}.1"
    made.StudyInstanceUID, made.SeriesInstanceUID = f"1.2.3.4.{number}", f"1.2.3.4.{number}.2"
    return made


def marked_file(data_set: Dataset, marks: Marks, label: str) -> MarkedObject:
    """Return a data set as a file with marks in preamble and file meta information."""
    sop_class, instance = str(data_set.SOPClassUID), str(data_set.SOPInstanceUID)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = data_set.file_meta.TransferSyntaxUID
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, instance
    for keyword in (
        *("SourceApplicationEntityTitle", "SendingApplicationEntityTitle"),
        *("ReceivingApplicationEntityTitle", "ImplementationVersionName"),
    ):
        setattr(meta, keyword, marks.text(f"{label} {keyword}"))
    meta.PrivateInformationCreatorUID = marks.uid(f"{label} PrivateInformationCreatorUID")
    meta.PrivateInformation = marks.text(f"{label} PrivateInformation").encode() + b" "
    data_set.file_meta = meta
    data_set.preamble = marks.text(f"{label} preamble").encode().ljust(128, b"\0")
    encoded = io.BytesIO()
    with quiet():
        dcmwrite(encoded, data_set, enforce_file_format=True)
    return MarkedObject(label, sop_class, instance, str(meta.TransferSyntaxUID), encoded.getvalue())


def sound_objects(base: Dataset, marks: Marks, count: int) -> list[MarkedObject]:
    """Return objects that are to be classified and reported."""
    labels = [f"sound {number}" for number in range(count)]
    return [marked_file(marked(base, marks, label, GROUPS), marks, label) for label in labels]


def broken_objects(base: Dataset, marks: Marks) -> Iterable[MarkedObject]:
    """Yield objects that are refused, not applicable, or fail, each in its own way."""
    for keyword, value in GATE.items():
        label = f"broken {keyword}"
        made = marked(base, marks, label)
        if keyword == "BodyPartExamined":
            del made.AnatomicRegionSequence  # it says chest, and one that does is enough
        _put(made, keyword, value(marks.text(label)))
        yield marked_file(made, marks, label)
    yield from _broken_pixels(base, marks)
    yield from _broken_bytes(base, marks)
    first = marked_file(marked(base, marks, "first UID"), marks, "first UID")
    second = marked(base, marks, "second UID")
    second.SOPInstanceUID = first.sop_instance_uid
    yield first
    yield marked_file(second, marks, "second UID")
    other = marked_file(marked(base, marks, "other UID"), marks, "other UID")
    yield MarkedObject(
        other.label,
        other.sop_class_uid,
        marks.text("requested UID SOPInstanceUID"),
        other.transfer_syntax_uid,
        other.encoded,
    )


def _broken_pixels(base: Dataset, marks: Marks) -> Iterable[MarkedObject]:
    undecodable = marked(base, marks, "undecodable pixels")
    undecodable.file_meta.TransferSyntaxUID = JPEG2000Lossless
    undecodable.PixelData = encapsulate([marks.text("pixel data").encode() * 100])
    undecodable["PixelData"].VR = "OB"
    yield marked_file(undecodable, marks, "undecodable pixels")
    short = marked(base, marks, "short pixels")
    short.PixelData = marks.text("short pixel data").encode() + b" "
    yield marked_file(short, marks, "short pixels")
    table = marked(base, marks, "broken table")
    item = Dataset()
    item.LUTDescriptor = [3, 0, 16]
    item.add_new("LUTData", "OW", b"\1\0")
    item.LUTExplanation = marks.text("broken table LUTExplanation")
    table.VOILUTSequence = [item]
    yield marked_file(table, marks, "broken table")


def _broken_bytes(base: Dataset, marks: Marks) -> Iterable[MarkedObject]:
    """Yield objects whose data sets do not parse, with marks where the parser stumbles."""
    for label, bad in (
        ("unknown VR", lambda mark: b"\x10\x00\x10\x00QX" + _length(mark) + mark),
        ("long element", lambda mark: b"\x10\x00\x10\x00PN\xff\xff" + mark),
        ("open sequence", lambda mark: b"\x10\x00\x02\x10SQ\0\0\xff\xff\xff\xff" + mark),
        (
            "wrong characters",
            lambda mark: b"\x10\x00\x10\x00PN" + _length(mark, 2) + mark + b"\xff\xfe",
        ),
    ):
        whole = marked_file(marked(base, marks, label), marks, label)
        head = whole.encoded.index(b"\x10\x00\x10\x00PN")
        mark = marks.text(label).encode() + b" "
        yield MarkedObject(
            label,
            whole.sop_class_uid,
            whole.sop_instance_uid,
            whole.transfer_syntax_uid,
            whole.encoded[:head] + bad(mark) + whole.encoded[head:],
        )


def _length(mark: bytes, more: int = 0) -> bytes:
    return struct.pack("<H", len(mark) + more)


def _mark_all(data_set: Dataset, marks: Marks, label: str, groups: Sequence[int]) -> None:
    """Put a mark in every element of these groups whose VR holds text."""
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if tag >> 16 in groups and vr in MAKERS and keyword not in NEEDED:
            _put(data_set, tag, MAKERS[vr](marks, f"{label} {keyword}"))


def _put(data_set: Dataset, name: str | int, value: Any) -> None:
    tag = Tag(name)
    vr = dictionary_VR(tag)
    if isinstance(value, str):  # as bytes: no reader gets to refuse or convert it before it is sent
        padded = value.encode() + b" " * (len(value) % 2)
        data_set[tag] = RawDataElement(tag, vr, len(padded), padded, 0, False, True)
    else:
        data_set[tag] = DataElement(tag, vr, value, validation_mode=IGNORE)


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    _put(item, "CodeValue", value)
    item.CodingSchemeDesignator = "99X"
    _put(item, "CodeMeaning", meaning)
    return item


def read_phantom(path: Any) -> Dataset:
    """Return an uncompressed phantom."""
    found = pydicom.dcmread(path)
    if found.file_meta.TransferSyntaxUID != ExplicitVRLittleEndian:
        found.decompress()
    return found
