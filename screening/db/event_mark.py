"""What tells one state of the audit trail from a later one."""

from sqlalchemy import func, select

from screening.db.session import Database
from screening.db.tables.instances import Event

LATE_EVENTS = 1000
"""So many of the newest events are counted: one of a slow transaction has an earlier number."""


def newest_mark(database: Database) -> str:
    """Return a text that is another one after every event that is recorded.

    Raises DatabaseUnavailableError where the database is away.
    """
    newest = select(func.coalesce(func.max(Event.id), 0)).scalar_subquery()
    recent = select(func.count()).where(Event.id > newest - LATE_EVENTS).scalar_subquery()
    with database.read() as session:
        number, count = session.execute(select(newest, recent)).one()
    return f"{number}-{count}"
