"""Points in time as people type them on the command line."""

import re
from datetime import UTC, date, datetime, time, timedelta

_AGE = re.compile(r"(\d{1,6})([dhm])", re.ASCII)
_UNIT_OF_LETTER = {"d": "days", "h": "hours", "m": "minutes"}
_EXPECTED = (
    "expected {span} such as 7d, 12h or 30m, a date such as 2026-03-01 (midnight UTC), "
    "or a time with its zone such as 2026-03-01T08:00+01:00"
)


def parse_since(text: str, now: datetime) -> datetime:
    """Return the point in time that `text` names, aware, in UTC.

    text: an age before `now` in days, hours or minutes (7d, 12h, 30m); an ISO 8601 date, which
    means midnight UTC at its start; or an ISO 8601 date and time with a zone. now: aware.
    Raises ValueError that says what was expected and what was found.
    """
    return _point(text, now, ahead=False)


def parse_until(text: str, now: datetime) -> datetime:
    """Return the point in time that `text` names, as `parse_since`; 7d: seven days from now."""
    return _point(text, now, ahead=True)


def _point(text: str, now: datetime, *, ahead: bool) -> datetime:
    words = text.strip()
    try:
        age = _AGE.fullmatch(words)
        if age:
            span = timedelta(**{_UNIT_OF_LETTER[age[2]]: int(age[1])})
            return now.astimezone(UTC) + (span if ahead else -span)
        return _parse_iso(words)
    except (ValueError, OverflowError) as error:
        hint = f"{error}; " if str(error).startswith("no zone") else ""
        expected = _EXPECTED.format(span="a span" if ahead else "an age")
        raise ValueError(f"{hint}{expected}; found {text!r}") from None


def _parse_iso(words: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(words), time(), tzinfo=UTC)
    except ValueError:
        at = datetime.fromisoformat(words)
    if at.tzinfo is None:
        raise ValueError("no zone given, and none is assumed")
    return at.astimezone(UTC)
