"""How long work has waited: the one figure that shows a stalled site."""

from datetime import datetime

from sqlalchemy import func, select

from screening.db.session import Database
from screening.db.views import instance_results

PENDING = "pending"


def oldest_pending_age_s(database: Database, now: datetime) -> float | None:
    """Return how many seconds the oldest instance without a final state has waited.

    now: aware. Returns None where nothing waits.
    Raises DatabaseUnavailableError where the database is away.
    """
    statement = select(func.min(instance_results.c.received_at)).where(
        instance_results.c.state == PENDING
    )
    with database.read() as session:
        received_at = session.execute(statement).scalar_one()
    return None if received_at is None else max(0.0, (now - received_at).total_seconds())
