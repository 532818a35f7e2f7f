"""Points in time as people type them."""

from datetime import UTC, datetime, timedelta

import pytest

from screening.ops.since import parse_since

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("12h", NOW - timedelta(hours=12)),
        (" 30m ", NOW - timedelta(minutes=30)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T08:00+01:00", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("2026-03-01 08:00:30Z", datetime(2026, 3, 1, 8, 0, 30, tzinfo=UTC)),
    ],
)
def test_ages_dates_and_times_with_a_zone(text: str, expected: datetime) -> None:
    """An age counts back from now, a date is midnight UTC, a time keeps its zone's meaning."""
    found = parse_since(text, NOW)
    assert found == expected
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["", "7", "7w", "-7d", "yesterday", "2026-13-01", "999999d"])
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    """The message names the three forms and quotes what was found."""
    with pytest.raises(ValueError, match="expected an age such as 7d") as caught:
        parse_since(text, NOW)
    assert repr(text) in str(caught.value)


def test_a_time_without_a_zone_is_refused() -> None:
    """No zone is assumed, and the message says so."""
    with pytest.raises(ValueError, match="no zone given"):
        parse_since("2026-03-01T08:00", NOW)
