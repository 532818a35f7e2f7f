"""Values of HL7 v2 fields: escaped text, codes, names, times.

Source: HL7 v2.5.1 chapter 2, sections 2.7 (escape sequences) and 2.A (data types).
"""

import re
from datetime import datetime

from pydicom.valuerep import PersonName

from screening.renderings.structured_report.codes import Code

OUR_SCHEME = "99SCREENING"
"""A local coding system. Source: HL7 table 0396 (99zzz)."""
ESCAPES = str.maketrans(
    {"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\\": "\\E\\", "\r": " ", "\n": " "}
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_GROUPS = (("alphabetic", "A"), ("ideographic", "I"), ("phonetic", "P"))
"""Component groups of a DICOM name, and HL7's table 4000 (name representation)."""
NAME_UNKNOWN = "^^^^^^U"


def text(value: object) -> str:
    """Return text in which no character is a delimiter, or ends a segment or a frame."""
    return _CONTROLS.sub("", str(value).translate(ESCAPES))


def code(of: Code) -> str:
    """Return the three first components of CE and CWE."""
    return "^".join((text(of.value), text(of.meaning), text(of.scheme_designator)))


def our_code(value: str, meaning: str, alternative: Code | None = None) -> str:
    """Return a code of ours, with one of a standard beside it where there is one."""
    own = f"{text(value)}^{text(meaning)}^{OUR_SCHEME}"
    return f"{own}^{code(alternative)}" if alternative else own


def instant(moment: datetime) -> str:
    """Return an aware time to the second, with its offset from UTC."""
    return f"{moment:%Y%m%d%H%M%S%z}"


def names(name: PersonName | str) -> list[str]:
    """Return a DICOM name as repetitions of XPN, one for each component group."""
    found = []
    parsed = PersonName(str(name))
    for group, representation in _GROUPS:
        family, given, middle, prefix, suffix = (
            *getattr(parsed, group).split("^"),
            *[""] * 4,
        )[:5]
        if family or given or middle:
            parts = (family, given, middle, suffix, prefix)
            found.append(f"{'^'.join(map(text, parts))}^^L^{representation}")
    return found or [NAME_UNKNOWN]
