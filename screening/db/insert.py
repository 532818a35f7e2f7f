"""Insert where a unique constraint decides who was first."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from screening.db.columns import Base


def insert_or_nothing(session: Session, table: type[Base], **values: object) -> Any:
    """Return INSERT ... ON CONFLICT DO NOTHING in the session's dialect, to be executed."""
    insert = insert_of(session.get_bind().dialect.name)
    return insert(table).values(**values).on_conflict_do_nothing()


def insert_of(dialect: str) -> Callable[..., Any]:
    """Return the INSERT of a dialect, "postgresql" or "sqlite", which takes ON CONFLICT."""
    return postgresql_insert if dialect == "postgresql" else sqlite_insert
