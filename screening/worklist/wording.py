"""How the page shows values."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from screening.delivery.registry import UnknownNameError
from screening.delivery.rendering import RENDERINGS
from screening.domain import scores
from screening.domain.reading import Label, called_class
from screening.domain.scores import CLASS_TITLES
from screening.worklist.studies.ordering import ReadingPriority, ReportProgress

RESEARCH_USE = "Research use only, not diagnostic. A low probability does not exclude disease."
PRIORITY_MEANINGS: Mapping[ReadingPriority, str] = {
    ReadingPriority.STAT: "read first",
    ReadingPriority.HIGH: "read soon",
    ReadingPriority.MEDIUM: "read before the rest",
    ReadingPriority.UNSCORED: "an image has no score: it may be urgent",
    ReadingPriority.LOW: "no class reached its threshold; this does not exclude disease",
    ReadingPriority.NOT_SCREENED: "no image of this study can be scored",
}
REPORT_MEANINGS: Mapping[ReportProgress, str] = {
    ReportProgress.FAILED: "report failed",
    ReportProgress.PARKED: "report refused",
    ReportProgress.DUE: "report due",
    ReportProgress.SENDING: "being sent",
    ReportProgress.DELIVERED: "delivered",
    ReportProgress.GIVEN_UP: "report given up",
    ReportProgress.MADE: "made",
    ReportProgress.NONE: "no report",
}
LABEL_TITLES: Mapping[Label, str] = {
    Label.COVID19: "COVID-19",
    Label.PNEUMONIA: "Pneumonia",
    Label.NORMAL: "Normal",
    Label.OTHER_ABNORMAL: "Other abnormality",
}
SEXES: Mapping[str, str] = {"M": "male", "F": "female", "O": "other sex"}
"""Patient's Sex in words. Source: PS3.3 C.7.1.1."""
AGE_UNITS: Mapping[str, str] = {"D": "d", "W": "wk", "M": "mo", "Y": "y"}
"""The units of an age string. Source: PS3.5 6.2."""
UNKNOWN = "–"  # noqa: RUF001  an en dash, as printed tables use it
_NAME_GROUPS = 3
_AGE = re.compile(r"(\d{3})([DWMY])")
_TIME = re.compile(r"(\d\d)(\d\d)?(\d\d)?(\.\d+)?")
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def percent(probability: float | None) -> str:
    """Return a probability, 0 to 1, as people see it, and a dash for None."""
    return UNKNOWN if probability is None else scores.percent(probability)


def bar_width(probability: float | None) -> str:
    """Return the length of a probability's bar in hundredths of the whole."""
    return f"{100 * (probability or 0.0):.1f}"


def waiting(seconds: float) -> str:
    """Return a waiting time such as "45 s", "12 min", "3 h 05 min" or "2 d 4 h"."""
    whole = int(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def moment(at: datetime | None) -> str:
    """Return a point in time in UTC, to the second."""
    return UNKNOWN if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def dicom_date(value: str) -> str:
    """Return a DA value as an ISO date; anything else as it is. Source: PS3.5 6.2."""
    if len(value) == len("YYYYMMDD") and value.isdigit():
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    return value or UNKNOWN


def dicom_time(value: str) -> str:
    """Return a TM value to the minute, as far as it goes; "" for anything else. Source: PS3.5 6.2.

    It is the clock of whoever made the study, in a zone that is seldom told.
    """
    found = _TIME.fullmatch(value.strip())
    return ":".join(part for part in found.groups()[:2] if part) if found else ""


def sex(value: str) -> str:
    """Return Patient's Sex in words, "" where it is empty or unknown."""
    return SEXES.get(value.strip().upper(), "")


def age(value: str) -> str:
    """Return an AS value such as "046Y" as "46 y", "" where it is none. Source: PS3.5 6.2."""
    said = _AGE.fullmatch(value.strip())
    return f"{int(said[1])} {AGE_UNITS[said[2]]}" if said else ""


def called_title(rule: str | None) -> str:
    """Return what a priority rule's text says was found, in words."""
    called = called_class(rule)
    return "neither COVID-19 nor pneumonia" if called is None else CLASS_TITLES[called]


def dicom_name(value: str) -> str:
    """Return a PN value for reading: "Family, Given Middle", other scripts in brackets.

    Of the three groups the phonetic one is left out where there is another. Source: PS3.5 6.2.1.
    """
    alphabetic, *others = value.split("=")[:_NAME_GROUPS]
    family, given = _name_parts(alphabetic)
    written = [", ".join(part for part in (family, given) if part)]
    written += [" ".join(part for part in _name_parts(group) if part) for group in others]
    ideographic_or_alphabetic = [name for name in written[:2] if name]
    shown = ideographic_or_alphabetic or [name for name in written if name] or [UNKNOWN]
    return shown[0] + "".join(f" ({name})" for name in shown[1:])


def _name_parts(group: str) -> tuple[str, str]:
    """Return the family name, and given and middle names; prefix and suffix are left out."""
    family, *rest = [part.strip() for part in group.split("^")]
    return family, " ".join(part for part in rest[:2] if part)


def rendering_title(name: str) -> str:
    """Return what people call a rendering, also one that this version has no more."""
    try:
        return RENDERINGS.named(name).title
    except UnknownNameError:
        return spaced(name)


def spaced(value: str) -> str:
    """Return a coded word in plain words."""
    return value.replace("_", " ")
