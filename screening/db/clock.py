"""The one clock of the rows."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)
