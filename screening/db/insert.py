"""Insert where a unique constraint decides who was first."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from screening.db.tables.columns import Base


def insert_or_nothing(session: Session, table: type[Base], **values: object) -> Any:
    """Return INSERT ... ON CONFLICT DO NOTHING in the session's dialect, to be executed."""
    insert = insert_of(session.get_bind().dialect.name)
    return insert(table).values(**values).on_conflict_do_nothing()


def insert_unless_there(session: Session, table: type[Base], **values: object) -> Any:
    """Insert a row and return its primary key; None where a unique constraint has it already.

    For what is done with each object: the statement is made once. The session does not see the
    row, nor what it means for studies and totals, which the caller notes.
    """
    statement = _unless_there(session.get_bind().dialect.name, table)
    return session.connection().execute(statement, values).scalar_one_or_none()


def insert_rows(session: Session, table: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows with the same columns, past the session's objects.

    For what is done with each object: an ORM's object for each costs more than the row. The caller
    notes what they mean for studies and totals.
    """
    if rows:
        session.connection().execute(_rows(table), list(rows))


def insert_rows_unless_there(
    session: Session, table: type[Base], rows: Sequence[Mapping[str, object]]
) -> None:
    """Insert those rows that no unique constraint has already, as `insert_rows` does."""
    session.connection().execute(_rows_unless_there(session.get_bind().dialect.name, table), rows)


@cache
def _rows(table: type[Base]) -> Any:
    rows: Any = table.__table__
    return insert(rows)


@cache
def _rows_unless_there(dialect: str, table: type[Base]) -> Any:
    return insert_of(dialect)(table.__table__).on_conflict_do_nothing()


@cache
def _unless_there(dialect: str, table: type[Base]) -> Any:
    rows: Any = table.__table__
    key = next(iter(rows.primary_key))
    return insert_of(dialect)(rows).on_conflict_do_nothing().returning(key)


def insert_of(dialect: str) -> Callable[..., Any]:
    """Return the INSERT of a dialect, "postgresql" or "sqlite", which takes ON CONFLICT."""
    return postgresql_insert if dialect == "postgresql" else sqlite_insert
