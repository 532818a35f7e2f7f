"""Matching and return keys: does a data set fulfil them, and what of it is answered.

Source: PS3.4 C.2.2 (universal, single value, list of UID, wild card, range, sequence matching) and
CC.2.8.1.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

NO_KEYS = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC"})
"""What says how the keys are to be read."""
_DATE = re.compile(r"\d{8}")
_DATE_TIME = re.compile(
    r"(?P<digits>\d{4}(?:\d\d){0,5})(?:\.\d{1,6})?(?P<offset>[+-](?:0\d|1[0-4])[0-5]\d)?"
)
_RANGE = re.compile(r"(?P<from>[^-]*(?:-\d{4}(?=-))?)-(?P<to>.*)")
LEAST = "0001" + "01" * 2 + "00" * 3
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class IllegalKeyError(ValueError):
    """A matching key with a value that none may have; the text names its keyword alone."""


Test = Callable[[str], bool]
"""Whether one value fulfils a key."""


def keys_of(identifier: Dataset) -> list[DataElement]:
    """Return the keys of a query. May raise anything where it cannot be decoded."""
    return [element for element in identifier if element.keyword not in NO_KEYS]


def texts(element: DataElement) -> list[str]:
    """Return the values of an element that is no sequence, none where it is empty."""
    value = element.value
    parts = value if isinstance(value, MultiValue | list | tuple) else [value]
    found = ["" if part is None else str(part).strip(" \0") for part in parts]
    return [text for text in found if text]


def check(keys: Iterable[DataElement]) -> None:
    """Raise IllegalKeyError where a key has a value that none may have, such as a bad date."""
    for key in keys:
        if key.VR == "SQ":
            items = list(key.value or ())
            if len(items) > 1:
                raise IllegalKeyError(key.keyword)
            for item in items:
                check(item)
        else:
            _tests(key)


def matches(data_set: Dataset, keys: Iterable[DataElement]) -> bool:
    """Return whether a data set fulfils every key that it has an attribute for."""
    return all(_fulfils(data_set[key.tag], key) for key in keys if key.tag in data_set)


def has_unsupported(data_set: Dataset, keys: Iterable[DataElement]) -> bool:
    """Return whether a key asks for a value of an attribute that the data set cannot have."""
    return any(key.tag not in data_set and not is_universal(key) for key in keys)


def is_universal(key: DataElement) -> bool:
    """Return whether a key matches everything."""
    if key.VR == "SQ":
        return all(is_universal(part) for item in key.value or () for part in item)
    return set(texts(key)) <= {"*"}


def answered(data_set: Dataset, keys: Iterable[DataElement]) -> Dataset:
    """Return those attributes of a data set that are asked for."""
    made = Dataset()
    for key in keys:
        if key.tag not in data_set:
            continue
        found = data_set[key.tag]
        wanted = list(key.value or ()) if key.VR == "SQ" else []
        if wanted and len(wanted[0]):
            items = [answered(item, wanted[0]) for item in found.value]
            made.add(DataElement(found.tag, "SQ", items))
        else:
            made.add(found)
    return made


def _fulfils(found: DataElement, key: DataElement) -> bool:
    if is_universal(key):
        return True
    if key.VR == "SQ":
        return any(matches(item, key.value[0]) for item in found.value or ())
    values = texts(found) or [""]
    return any(test(value) for test in _tests(key) for value in values)


def _tests(key: DataElement) -> list[Test]:
    """Return the tests of which a value must pass one. Raises IllegalKeyError."""
    vr = dictionary_VR(key.tag) if key.keyword else key.VR
    make = _MAKERS.get(vr, _like)
    try:
        return [make(text) for text in texts(key) if text != "*"]
    except (ValueError, OverflowError):
        raise IllegalKeyError(key.keyword or "a private attribute") from None


def _is(text: str) -> Test:
    return lambda value: value == text


def _like(text: str) -> Test:
    pattern = text.replace("[", "[[]")
    return lambda value: fnmatchcase(value, pattern)


def _name_like(text: str) -> Test:
    pattern = text.replace("[", "[[]").rstrip("^").casefold()
    return lambda value: fnmatchcase(value.rstrip("^").casefold(), pattern)


def _in_dates(text: str) -> Test:
    first, dash, last = text.partition("-")
    for day in filter(None, (first, last)):
        if not _DATE.fullmatch(day):
            raise ValueError
        datetime.strptime(day, "%Y%m%d")  # noqa: DTZ007  a date has no zone
    if not dash:
        return lambda value: value == first
    if not first and not last:
        raise ValueError
    return lambda value: bool(value) and (first or "0") <= value <= (last or "9")


def _in_date_times(text: str) -> Test:
    if not _DATE_TIME.fullmatch(text) and (parts := _RANGE.fullmatch(text)):
        if not parts["from"] and not parts["to"]:
            raise ValueError
        first = _span(parts["from"])[0] if parts["from"] else _FIRST
        last = _span(parts["to"])[1] if parts["to"] else _LAST
    else:
        first, last = _span(text)
    return lambda value: bool(value) and first <= _span(value)[0] < last


def _span(text: str) -> tuple[datetime, datetime]:
    """Return the first moment that a DT may mean, and the end of the last, without an offset UTC.

    Source: PS3.5 section 6.2; a DT may end after any component. Raises ValueError.
    """
    parts = _DATE_TIME.fullmatch(text)
    if parts is None:
        raise ValueError
    digits = parts["digits"]
    full = digits + LEAST[len(digits) :]
    start = datetime.strptime(full + (parts["offset"] or "+0000"), "%Y%m%d%H%M%S%z")
    return start, _following(start, len(digits))


def _following(start: datetime, digits: int) -> datetime:
    if digits == len("YYYY"):
        return start.replace(year=start.year + 1)
    if digits == len("YYYYMM"):
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start + _UNITS[digits]


_UNITS: Mapping[int, timedelta] = {
    8: timedelta(days=1),
    10: timedelta(hours=1),
    12: timedelta(minutes=1),
    14: timedelta(seconds=1),
}
"""How long a moment lasts that is given to so many digits."""
_MAKERS: Mapping[str, Callable[[str], Test]] = {
    "UI": _is,
    "PN": _name_like,
    "DA": _in_dates,
    "DT": _in_date_times,
}
"""How a text is compared, by value representation; others as texts with wild cards."""
