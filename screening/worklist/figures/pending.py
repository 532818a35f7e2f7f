"""How long work has waited: the one figure that shows a stalled site."""

import time
from datetime import datetime

from sqlalchemy import func, select

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.studies import Study

RECENT_S = 1.0


def oldest_pending_age_s(database: Database, now: datetime) -> float | None:
    """Return how many seconds the oldest instance without a final state has waited.

    now: aware. Returns None where nothing waits.
    Raises DatabaseUnavailableError where the database is away.
    """
    statement = select(func.min(Study.oldest_pending_at)).where(
        Study.oldest_pending_at.is_not(None)
    )
    with database.read() as session:
        received_at = session.execute(statement).scalar_one()
    return None if received_at is None else max(0.0, (now - received_at).total_seconds())


class RecentAge:
    """The age as of at most RECENT_S ago, so that an address open to everybody costs little."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked_s = float("-inf")
        self._age_s: float | None = None

    def __call__(self) -> float | None:
        """Return the age in seconds, None where nothing waits.

        Raises DatabaseUnavailableError where the database is away.
        """
        if time.monotonic() - self._asked_s > RECENT_S:
            self._age_s = oldest_pending_age_s(self._database, utc_now())
            self._asked_s = time.monotonic()
        return self._age_s
