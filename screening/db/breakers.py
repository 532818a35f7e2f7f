"""Which destinations fail, for whoever shows it; the report worker keeps the rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.breakers import Breaker


@dataclass(frozen=True, slots=True)
class FailingDestination:
    """A destination whose last attempts failed.

    failures: how many in a row; probe_at: when it is tried next, where it is paused, and None
    while everything that is due is still sent; last_message: why the last attempt failed.
    """

    destination: str
    failures: int
    failing_since: datetime
    probe_at: datetime | None
    last_message: str

    @property
    def paused(self) -> bool:
        """Whether it is only probed."""
        return self.probe_at is not None

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "destination": self.destination,
            "failures": self.failures,
            "failing_since": self.failing_since.isoformat(),
            "paused": self.paused,
            "probe_at": self.probe_at.isoformat() if self.probe_at else None,
            "last_message": self.last_message,
        }


def failing_destinations(database: Database) -> list[FailingDestination]:
    """Return the destinations that fail, by name; one that works is not among them.

    Raises DatabaseUnavailableError.
    """
    with database.read() as session:
        rows = session.scalars(select(Breaker).order_by(Breaker.destination))
        return [
            FailingDestination(
                row.destination, row.failures, row.failing_since, row.probe_at, row.last_message
            )
            for row in rows
        ]
