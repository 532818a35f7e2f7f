"""Reads what a correction may change, in a form that two encodings of one value share.

Character set, padding, the empty end of a person's name, old forms of dates and trailing zeros of
times are ways of writing, not other values. Source: PS3.5 sections 6.1 and 6.2.
"""

import re
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from screening.domain.correction import ATTRIBUTES
from screening.imaging.dicom.attributes import read_attributes
from screening.imaging.dicom.data_set import opened_data_set, seek_data_set

NAMES = frozenset({"PatientName", "ReferringPhysicianName"})
DATES = frozenset({"StudyDate", "PatientBirthDate"})
TIMES = frozenset({"StudyTime"})
_TAGS = frozenset(tag for one in ATTRIBUTES if (tag := tag_for_keyword(one.keyword)) is not None)


def read_identification(path: Path) -> dict[str, str]:
    """Return the attributes of `domain.correction.ATTRIBUTES` by keyword; absent or empty: "".

    Raises UnreadableDataSetError where the file does not parse; OSError where it cannot be opened.
    """
    with opened_data_set(path) as file:
        data_set = read_attributes(file, seek_data_set(file), _TAGS.__contains__).data_set
        return {one.keyword: _value(data_set, one.keyword) for one in ATTRIBUTES}


def _value(data_set: Dataset, keyword: str) -> str:
    try:
        value = data_set.get(keyword)
    except Exception:  # noqa: BLE001  a value that does not fit its VR counts as absent
        return ""
    if value is None:
        return ""
    if isinstance(value, Sequence):
        return "\\".join(_code(item) for item in value)
    values = list(value) if isinstance(value, MultiValue) else [value]
    return "\\".join(_plain(one, keyword) for one in values)


def _code(item: Dataset) -> str:
    names = ("CodeValue", "LongCodeValue", "URNCodeValue", "CodingSchemeDesignator")
    return " ".join(text for name in names if (text := _value(item, name)))


def _plain(value: Any, keyword: str) -> str:
    text = "".join(one for one in str(value) if one.isprintable()).strip()
    if keyword in NAMES:
        groups = [group.rstrip("^ ") for group in text.split("=")]
        return "=".join(groups).rstrip("=")
    if keyword in DATES:
        match = re.fullmatch(r"(\d{4})[-.](\d{2})[-.](\d{2})", text)
        return "".join(match.groups()) if match else text
    if keyword in TIMES:
        return _time(text)
    return text


def _time(text: str) -> str:
    digits = text.replace(":", "")
    if not re.fullmatch(r"\d{2,6}(\.\d{1,6})?", digits):
        return text
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    return whole.ljust(6, "0") + (f".{fraction}" if fraction else "")
