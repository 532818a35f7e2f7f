"""Reads what the stations need of a data set's header, without its pixels."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO
from unicodedata import category

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from screening.domain.instance import (
    LONGEST_PATIENT_VALUE,
    LONGEST_UID,
    InstanceHeader,
    PatientAttributes,
    fault_of_uid,
)
from screening.errors import (
    IllegalIdentifierError,
    MissingIdentifierError,
    UnreadableDataSetError,
)
from screening.imaging.dicom.ages import age_string, age_years, parse_day
from screening.imaging.dicom.attributes import Attributes, read_attributes
from screening.imaging.dicom.data_set import opened_data_set, seek_data_set
from screening.imaging.dicom.element import Encoding

LONGEST_TEXT = 64
"""Characters of a text that only rules look at; PS3.5 section 6.2 (LO)."""
PADDING = " \0"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
LONGEST_CODE = 16
"""Characters of a code string; PS3.5 section 6.2 (CS)."""

KEYWORDS = (
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "AcquisitionDate",
    "StudyTime",
    "AccessionNumber",
    "Modality",
    "PresentationIntentType",
    "AnatomicRegionSequence",
    "StudyDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "BodyPartExamined",
    "ViewPosition",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "PixelRepresentation",
    "ViewCodeSequence",
)
CODE_KEYWORDS = ("CodeValue", "LongCodeValue", "URNCodeValue", "CodeMeaning")
"""Of an item of a code sequence. Source: PS3.3 table 8.8-1."""
_TAGS_BY_KEYWORD = {
    keyword: BaseTag(tag)
    for keyword in (*KEYWORDS, *CODE_KEYWORDS)
    if (tag := tag_for_keyword(keyword)) is not None
}
TAGS = frozenset(tag for keyword in KEYWORDS if (tag := tag_for_keyword(keyword)) is not None)


@dataclass(frozen=True, slots=True)
class ObjectHeader:
    """One object's header: what the gate and rows need, and what readers recognise it by."""

    instance: InstanceHeader
    patient: PatientAttributes


def read_header(path: Path) -> ObjectHeader:
    """Read the header of one DICOM file; Pixel Data is neither read nor checked.

    Text is decoded by the object's character set, a character that cannot be decoded is replaced.
    Attributes that are absent, empty or illegal become "" or None. What identifies the object or
    its patient comes whole, without padding; other text is cut to 64 characters.

    Raises UnreadableDataSetError where the file does not parse or holds none of the attributes
    read here, TruncatedDataSetError where it ends before Pixel Data and within an element,
    MissingIdentifierError where its SOP class, SOP instance or study UID is absent,
    empty or several (a series UID may be), and IllegalIdentifierError where a UID or a patient
    value is longer than `domain.instance` says or a UID is no text of one word; OSError where the
    file cannot be opened.
    Source: PS3.10 section 7; PS3.5 sections 6.1 and 6.2.
    """
    with opened_data_set(path) as file:
        return _read(file)


def _read(file: BinaryIO) -> ObjectHeader:
    encoding = seek_data_set(file)
    return header_of(read_attributes(file, encoding, TAGS.__contains__), encoding)


def header_of(found: Attributes, encoding: Encoding) -> ObjectHeader:
    """Return the header that attributes make up. Raises as `read_header` does."""
    data_set = found.data_set
    if not data_set:
        raise UnreadableDataSetError(
            "expected a DICOM data set, found bytes with none of its attributes; "
            "send the original object"
        )
    found.require_whole()
    has_pixel_data = found.pixel_data is not None and found.pixel_data.length > 0
    return ObjectHeader(
        _instance(data_set, encoding.transfer_syntax_uid, has_pixel_data), _patient(data_set)
    )


def _instance(data_set: Dataset, transfer_syntax_uid: str, has_pixel_data: bool) -> InstanceHeader:  # noqa: FBT001
    return InstanceHeader(
        sop_class_uid=_identifier(data_set, "SOPClassUID"),
        sop_instance_uid=_identifier(data_set, "SOPInstanceUID"),
        study_instance_uid=_identifier(data_set, "StudyInstanceUID"),
        series_instance_uid=_series(data_set),
        transfer_syntax_uid=transfer_syntax_uid,
        modality=_code_string(data_set, "Modality"),
        body_part=_code_string(data_set, "BodyPartExamined"),
        anatomic_region=_codes(data_set, "AnatomicRegionSequence"),
        view_position=_code_string(data_set, "ViewPosition"),
        view_code=_codes(data_set, "ViewCodeSequence"),
        presentation_intent=_code_string(data_set, "PresentationIntentType"),
        image_type=tuple(_clean(value).upper() for value in _values(data_set, "ImageType")),
        patient_age_years=age_years(*_age(data_set)),
        rows=_integer(data_set, "Rows"),
        columns=_integer(data_set, "Columns"),
        number_of_frames=_integer(data_set, "NumberOfFrames") or 1,
        samples_per_pixel=_integer(data_set, "SamplesPerPixel"),
        photometric_interpretation=_code_string(data_set, "PhotometricInterpretation"),
        has_pixel_data=has_pixel_data,
    )


def _patient(data_set: Dataset) -> PatientAttributes:
    day, born = _day(data_set, "StudyDate"), _day(data_set, "PatientBirthDate")
    return PatientAttributes(
        patient_id=_whole(data_set, "PatientID"),
        patient_name=_whole(data_set, "PatientName"),
        accession_number=_whole(data_set, "AccessionNumber"),
        patient_birth_date=born.strftime("%Y%m%d") if born else "",
        patient_sex=_code_string(data_set, "PatientSex")[:LONGEST_CODE],
        patient_age=age_string(*_age(data_set)),
        study_date=day.strftime("%Y%m%d") if day else "",
        study_time=_time(data_set),
        study_description=_text(data_set, "StudyDescription"),
    )


def _values(data_set: Dataset, keyword: str) -> list[Any]:
    """Return an attribute's values; none where it is absent, empty or cannot be decoded."""
    try:
        element: DataElement | None = data_set.get(_TAGS_BY_KEYWORD[keyword])
        value = None if element is None else element.value
    except Exception:  # noqa: BLE001  a value that does not fit its VR counts as absent
        return []
    if value is None:
        return []
    return list(value) if isinstance(value, (MultiValue, Sequence)) else [value]


def _clean(value: object) -> str:
    text = "".join(character for character in str(value) if character.isprintable())
    return text.strip()[:LONGEST_TEXT]


def _text(data_set: Dataset, keyword: str) -> str:
    return _clean(_joined(data_set, keyword))


def _joined(data_set: Dataset, keyword: str) -> str:
    """Return an attribute's values as they were written, without padding."""
    return "\\".join(str(value) for value in _values(data_set, keyword)).strip(PADDING)


def _whole(data_set: Dataset, keyword: str) -> str:
    """Return what identifies a patient: what cannot be shown is replaced, so that none is lost."""
    text = "".join(
        c if c.isprintable() or category(c) == "Zs" else REPLACEMENT
        for c in _joined(data_set, keyword)
    )
    if len(text) > (longest := LONGEST_PATIENT_VALUE[keyword]):
        raise IllegalIdentifierError(
            f"expected {keyword} of at most {longest} characters, found {len(text)}; "
            "correct the object at its source"
        )
    return text


def _code_string(data_set: Dataset, keyword: str) -> str:
    values = _values(data_set, keyword)
    return _clean(values[0]).upper() if values else ""


def _identifier(data_set: Dataset, keyword: str) -> str:
    uid = _joined(data_set, keyword)
    if not uid or "\\" in uid:
        raise MissingIdentifierError(
            f"expected one {keyword}, found {'several' if uid else 'none'}; "
            "correct the object at its source"
        )
    return _legal(keyword, uid)


def _series(data_set: Dataset) -> str:
    """Return the Series Instance UID; "" where there is none, or several, as in a report."""
    uid = _joined(data_set, "SeriesInstanceUID")
    return "" if "\\" in uid else _legal("SeriesInstanceUID", uid)


def _legal(keyword: str, uid: str) -> str:
    if uid and (fault := fault_of_uid(uid)):
        raise IllegalIdentifierError(
            f"expected {keyword} of at most {LONGEST_UID} characters without blanks, "
            f"found {fault}; correct the object at its source"
        )
    return uid


def _integer(data_set: Dataset, keyword: str) -> int | None:
    values = _values(data_set, keyword)
    try:
        return int(values[0]) if values else None
    except (TypeError, ValueError, OverflowError):
        return None


def _codes(data_set: Dataset, keyword: str) -> tuple[str, ...]:
    """Return code values and meanings of the items of a code sequence. Source: PS3.3 section 8."""
    texts = []
    for item in _values(data_set, keyword):
        if isinstance(item, Dataset):
            texts += [_code_string(item, name) for name in CODE_KEYWORDS]
    return tuple(text for text in texts if text)


def _age(data_set: Dataset) -> tuple[str, date | None, date | None]:
    """Return Patient's Age as sent, the day of birth and the day of the study."""
    taken = _day(data_set, "StudyDate") or _day(data_set, "AcquisitionDate")
    return _code_string(data_set, "PatientAge"), _day(data_set, "PatientBirthDate"), taken


def _day(data_set: Dataset, keyword: str) -> date | None:
    return parse_day(_text(data_set, keyword))


def _time(data_set: Dataset) -> str:
    digits = _text(data_set, "StudyTime").replace(":", "")
    return digits if re.fullmatch(r"\d{2,6}(\.\d{1,6})?", digits) else ""
