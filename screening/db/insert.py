"""Insert where a unique constraint decides who was first."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from screening.db.columns import Base


def insert_or_nothing(session: Session, table: type[Base], **values: object) -> Any:
    """Return INSERT ... ON CONFLICT DO NOTHING in the session's dialect, to be executed."""
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql_insert if on_postgresql else sqlite_insert
    return insert(table).values(**values).on_conflict_do_nothing()
