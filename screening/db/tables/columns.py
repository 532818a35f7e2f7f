"""What the tables are made of: their base, and the kinds of columns and indexes they share."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Index,
    Integer,
    String,
    literal,
    text,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, MappedColumn, mapped_column
from sqlalchemy.types import TypeDecorator

from screening.domain.lifecycle import LIFECYCLES


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC, also on SQLite, which keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; store UTC."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("expected a time with a zone, found a naive one")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def storable(value: Any) -> Any:
    """Return a text, or what JSON can hold, with U+FFFD for what a database refuses.

    That is NUL and lone surrogates, which others may send us in any text.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, dict):
        return {storable(key): storable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [storable(part) for part in value]
    return value


class Text(TypeDecorator[str]):
    """A text that others may have written; UIDs are kept as they are, or refused."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what the database refuses."""
        del dialect
        return None if value is None else str(storable(value))


class JsonText(TypeDecorator[Any]):
    """JSON whose texts others may have written."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Replace what the database refuses."""
        del dialect
        return storable(value)


BigKey = BigInteger().with_variant(Integer, "sqlite")
Uid = String(64)
State = String(16)
STATES = "states"
"""Under which the `info` of a column with a lifecycle holds the class of its states."""


class Base(DeclarativeBase):
    """Declarative base of every table."""

    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own attribute
        datetime: UtcDateTime,
        dict[str, Any]: JsonText,
    }


def state_column(states: type[StrEnum], **options: Any) -> MappedColumn[str]:
    """Return a column whose states change along their lifecycle's edges (`screening.db.states`).

    Its default is the state in which most rows begin. options: of the column, beside these.
    """
    defaults = {"server_default": LIFECYCLES[states].initial[0]}
    return mapped_column(State, info={STATES: states}, **(defaults | options))


def partial_index(
    name: str, columns: tuple[str, ...], where: str, *, unique: bool = False
) -> Index:
    """Return an index of those rows that fulfil a condition, given as SQL with literal values."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def stands_at(column: InstrumentedAttribute[str], *states: StrEnum) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values, written into the statement.

    A partial index is used where a statement has its condition in words, not bound.
    """
    written = [literal(state.value, literal_execute=True) for state in states]
    return column == written[0] if len(written) == 1 else column.in_(written)
