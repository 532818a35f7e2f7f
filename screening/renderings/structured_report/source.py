"""The cleaned header of the image that a report is about.

Real headers lack Type 2 attributes, break value representations and mix character sets; a report
must be valid all the same. Rule: an attribute is copied as it stands or left empty, never cut or
repaired, because a changed identifier may be somebody else's. Nor is text taken over of which a
character could not be decoded.
Source: DICOM PS3.3 C.7.1.1, C.7.2.1, C.7.5.1, C.12.1; PS3.5 6.2 (value representations).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from screening.delivery.uids import missing_series_uid
from screening.errors import MissingIdentifierError
from screening.imaging.dicom.attributes import read_attributes
from screening.imaging.dicom.character_sets import REPLACEMENT
from screening.imaging.dicom.data_set import seek_data_set
from screening.imaging.quiet import quiet

_LONG = re.compile(r"[^\\\x00-\x1f\x7f-\x9f]{0,64}")
_SHORT = re.compile(r"[^\\\x00-\x1f\x7f-\x9f]{0,16}")
_GROUP = r"(?=[^=]{0,64}(?:=|$))[^\\^=\x00-\x1f\x7f-\x9f]*(?:\^[^\\^=\x00-\x1f\x7f-\x9f]*){0,4}"
_NAME = re.compile(f"{_GROUP}(?:={_GROUP}){{0,2}}")
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?")
_SEX = re.compile(r"[MFO]")
_AGE = re.compile(r"\d{3}[DWMY]")
_NUMBER = re.compile(r"[1-9]\d{0,8}")
_OFFSET = re.compile(r"-(?:0\d|1[0-2])[0-5]\d|\+(?:0\d|1[0-4])[0-5]\d")

REQUIRED: tuple[str, ...] = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")
"""Without these no report can point at its image."""

ALWAYS_PRESENT: Mapping[str, re.Pattern[str]] = {
    "StudyDate": _DATE,
    "StudyTime": _TIME,
    "AccessionNumber": _SHORT,
    "ReferringPhysicianName": _NAME,
    "PatientName": _NAME,
    "PatientID": _LONG,
    "PatientBirthDate": _DATE,
    "PatientSex": _SEX,
    "StudyID": _SHORT,
}
"""Type 2 attributes of a report: empty where the image has none or an unusable one."""

WHERE_USABLE: Mapping[str, re.Pattern[str]] = {
    "TimezoneOffsetFromUTC": _OFFSET,
    "StudyDescription": _LONG,
    "IssuerOfPatientID": _LONG,
    "PatientAge": _AGE,
    "InstanceNumber": _NUMBER,
    "Manufacturer": _LONG,
    "ManufacturerModelName": _LONG,
    "InstitutionName": _LONG,
    "StationName": _SHORT,
    "DeviceSerialNumber": _LONG,
}
"""Type 3 attributes (or, of the equipment, used elsewhere): left out where unusable."""

LONGEST_CODE_VALUE = 16
"""Characters; a longer one is a Long Code Value. Source: PS3.3 section 8.1."""
_ANY_LENGTH = re.compile(r"[^\\\x00-\x1f\x7f-\x9f]+")
CODE_VALUES: Mapping[str, re.Pattern[str]] = {
    "CodeValue": _ANY_LENGTH,
    "LongCodeValue": _ANY_LENGTH,
    "URNCodeValue": re.compile(r"[!-\[\]-~]+"),
}
"""One of these an item of a code sequence has. Source: PS3.3 table 8.8-1."""
CODING_SCHEME: Mapping[str, re.Pattern[str]] = {
    "CodingSchemeDesignator": re.compile(r"[^\\\x00-\x1f\x7f-\x9f]{1,16}"),
    "CodingSchemeVersion": re.compile(r"[^\\\x00-\x1f\x7f-\x9f]{1,16}"),
}
"""The designator goes with a Code Value or Long Code Value; the version where it is usable."""
_CODE_MEANING = re.compile(r"[^\\\x00-\x1f\x7f-\x9f]{1,64}")

_READ = frozenset(
    tag
    for keyword in (
        *REQUIRED,
        *ALWAYS_PRESENT,
        *WHERE_USABLE,
        "SeriesInstanceUID",
        "ProcedureCodeSequence",
    )
    if (tag := tag_for_keyword(keyword)) is not None
)


def read_source(path: Path) -> Dataset:
    """Read what a report takes over from its image's file, for `clean_source`.

    Raises UnreadableDataSetError where the file is no DICOM, OSError where it cannot be opened.
    """
    with path.open("rb") as file, quiet():
        return read_attributes(file, seek_data_set(file), _READ.__contains__).data_set


def clean_source(header: Dataset) -> Dataset:
    """Return the pixel-free, decoded attributes that a report takes over from its image.

    header: any data set of the image, with or without Pixel Data; it is not changed.
    Returns a data set with every attribute of `REQUIRED` and `ALWAYS_PRESENT`, a Series Instance
    UID, and those of `WHERE_USABLE` that are usable; text is decoded, and Specific Character Set
    is absent (all ASCII) or ISO_IR 192. Cleaning it again changes nothing.
    Raises MissingIdentifierError where SOP class, SOP instance or study UID is absent, empty or
    several.
    """
    cleaned = Dataset()
    with quiet():
        for keyword in REQUIRED:
            _put(cleaned, keyword, _required_uid(header, keyword))
        series_uid = _uid(header, "SeriesInstanceUID")
        _put(
            cleaned, "SeriesInstanceUID", series_uid or missing_series_uid(cleaned.StudyInstanceUID)
        )
        for keyword, pattern in ALWAYS_PRESENT.items():
            _put(cleaned, keyword, _usable(header, keyword, pattern))
        for keyword, pattern in WHERE_USABLE.items():
            if value := _usable(header, keyword, pattern):
                _put(cleaned, keyword, value)
        cleaned.ProcedureCodeSequence = _procedure_codes(header)
    declare_character_set(cleaned)
    return cleaned


def declare_character_set(data_set: Dataset, further: Iterable[str] = ()) -> None:
    """Set Specific Character Set to ISO_IR 192, or remove it where all text is ASCII.

    further: text that is to be in the data set, too.
    Source: DICOM PS3.3 C.12.1.1.2.
    """
    data_set.pop("SpecificCharacterSet", None)
    texts = (str(e.value) for e in data_set.iterall() if e.VR != "SQ" and e.value is not None)
    if not all(text.isascii() for text in chain(texts, further)):
        data_set.SpecificCharacterSet = "ISO_IR 192"


def _required_uid(header: Dataset, keyword: str) -> str:
    if uid := _uid(header, keyword):
        return uid
    raise MissingIdentifierError(
        f"expected one {keyword} in the image that is reported, found none or several; "
        "a report cannot point at this image, so none is made"
    )


def _uid(header: Dataset, keyword: str) -> str:
    """Return a UID as it stands, also an illegal one; "" where there is none, or several."""
    text = _text(header, keyword)
    return "" if "\\" in text else text


def _usable(header: Dataset, keyword: str, pattern: re.Pattern[str]) -> str:
    text = _text(header, keyword)
    if not pattern.fullmatch(text) or (pattern is _DATE and not _is_date(text)):
        return ""
    if REPLACEMENT in text:
        return ""
    return text


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007  a date has no zone
    except ValueError:
        return False
    return True


def _text(header: Dataset, keyword: str) -> str:
    try:
        value = header[keyword].value
        parts = value if isinstance(value, MultiValue | list | tuple) else [value]
        if not all(isinstance(part, str | int | PersonName) for part in parts):
            return ""
        return "\\".join(str(part) for part in parts).strip(" \0")
    except Exception:  # noqa: BLE001  a value that cannot be decoded counts as unusable
        return ""


def _procedure_codes(header: Dataset) -> list[Dataset]:
    try:
        items = list(header["ProcedureCodeSequence"].value)
    except Exception:  # noqa: BLE001  as above
        return []
    return [code for item in items if (code := _procedure_code(item)) is not None]


def _procedure_code(item: object) -> Dataset | None:
    """Return the code that an item names, its value in the attribute that its length asks for."""
    if not isinstance(item, Dataset):
        return None
    values = {keyword: _usable(item, keyword, CODE_VALUES[keyword]) for keyword in CODE_VALUES}
    keyword, value = next(((k, v) for k, v in values.items() if v), ("", ""))
    scheme = {keyword: _usable(item, keyword, CODING_SCHEME[keyword]) for keyword in CODING_SCHEME}
    meaning = _usable(item, "CodeMeaning", _CODE_MEANING)
    is_urn = keyword == "URNCodeValue"
    if not value or not meaning or not (is_urn or scheme["CodingSchemeDesignator"]):
        return None
    if not is_urn:
        keyword = "CodeValue" if len(value) <= LONGEST_CODE_VALUE else "LongCodeValue"
    code = Dataset()
    for name, text in {keyword: value, **scheme, "CodeMeaning": meaning}.items():
        if text:
            _put(code, name, text)
    return code


def _put(data_set: Dataset, keyword: str, value: str) -> None:
    """Set an attribute unchecked: an illegal UID of the image must be named as it is."""
    tag = tag_for_keyword(keyword)
    assert tag is not None  # noqa: S101  the keywords are literals of this module
    data_set.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
