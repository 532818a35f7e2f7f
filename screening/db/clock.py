"""The clocks of the rows: this machine's for what happened, the database's for what is due.

Leases and waits are judged by workers on several machines, whose clocks may differ: by the
database server's clock they all agree. A machine whose clock is ahead would otherwise take every
other worker's rows for abandoned.
"""

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


def shared_now(session: Session) -> datetime:
    """Return the time now by the clock that every worker shares, aware.

    That is the server's on PostgreSQL; an SQLite file is used from one machine alone.
    """
    if session.get_bind().dialect.name == "postgresql":
        now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return now
    return utc_now()
