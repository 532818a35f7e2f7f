"""Dates and ages of a data set's text. Source: PS3.5 section 6.2 (DA, AS)."""

import re
from datetime import date

OLDEST_PATIENT_YEARS = 130.0
DAYS_PER_YEAR = 365.25
YEARS_PER_AGE_UNIT = {"D": 1 / DAYS_PER_YEAR, "W": 7 / DAYS_PER_YEAR, "M": 1 / 12, "Y": 1.0}
MONTHS_TOLD_IN_YEARS = 24
"""From here on an age that is computed from dates is told in years."""


def parse_day(text: str) -> date | None:
    """Return a DA value; "2020-03-01" and the old "2020.03.01" are understood too."""
    match = re.fullmatch(r"(\d{4})([-.]?)(\d{2})\2(\d{2})", text)
    try:
        return date(int(match[1]), int(match[3]), int(match[4])) if match else None
    except ValueError:
        return None


def age_years(sent: str, born: date | None, taken: date | None) -> float | None:
    """Return the age from Patient's Age, or else from the birth and study dates; None if unknown.

    "000Y" is what systems write that do not know the age, so it counts as absent.
    """
    match = re.fullmatch(r"(\d{1,3})([DWMY])", sent)
    if match and (int(match[1]) > 0 or match[2] != "Y"):
        years = int(match[1]) * YEARS_PER_AGE_UNIT[match[2]]
    elif born is None or taken is None:
        return None
    else:
        years = (taken - born).days / DAYS_PER_YEAR
    return round(years, 2) if 0 <= years <= OLDEST_PATIENT_YEARS else None


def age_string(sent: str, born: date | None, taken: date | None) -> str:
    """Return the age as it was sent, or else the completed years or months by the dates.

    Returns an Age String such as 045Y, "" where `age_years` knows no age.
    """
    if age_years(sent, born, taken) is None:
        return ""
    match = re.fullmatch(r"(\d{1,3})([DWMY])", sent)
    if match and (int(match[1]) > 0 or match[2] != "Y"):
        return f"{int(match[1]):03}{match[2]}"
    if born is None or taken is None:
        return ""
    months = 12 * (taken.year - born.year) + taken.month - born.month - (taken.day < born.day)
    return f"{months // 12:03}Y" if months >= MONTHS_TOLD_IN_YEARS else f"{months:03}M"
