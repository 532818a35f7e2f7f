"""The one place where a row changes its state: along its lifecycle's edges, or not at all.

Which column it is follows from the class of the state: a classification has a state of its own and
one of its reports. Each such column names that class where its table is declared
(`screening.db.tables.columns.state_column`).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Update, inspect, update

from screening.db.tables.columns import STATES, Base, stands_at
from screening.domain.lifecycle import LIFECYCLES

RowT = TypeVar("RowT", bound=Base)


class StateChangeError(RuntimeError):
    """A defect of ours: no edge leads a row to the state that it was to be brought to."""


def change_state(row: Base, to: StrEnum) -> None:
    """Bring a row to another state, or a new one to a state that rows may begin in.

    Where others may change the row too, the caller holds its lock. Raises StateChangeError where
    the lifecycle has no such edge; the row then stays as it is.
    """
    column = _column(type(row), to)
    present = getattr(row, column)
    if present is None:
        _require_initial(row, column, to)
    elif not LIFECYCLES[type(to)].allows(type(to)(present), to):
        raise StateChangeError(
            f"{_named(row, column)}: expected {_listed(LIFECYCLES[type(to)].before(to))} before "
            f"{to.value}, found {present}; nothing was changed. This is a defect of the program"
        )
    setattr(row, column, to)


def new_row(table: type[RowT], state: StrEnum, /, **values: Any) -> RowT:
    """Return a new row that begins in another state than the column's default.

    values: of its other columns. Raises StateChangeError where no row begins in that state.
    """
    row, column = table(**values), _column(table, state)
    _require_initial(row, column, state)
    setattr(row, column, state)
    return row


def update_to(table: type[Base], state: StrEnum) -> Update:
    """Return the UPDATE that brings rows to a state: of those alone that an edge leads there.

    To be narrowed with `where`, and completed with `values` of other columns. The states are
    written into the statement, so that partial indexes are used.
    """
    column = _column(table, state)
    before = LIFECYCLES[type(state)].before(state)
    return update(table).where(stands_at(getattr(table, column), *before)).values({column: state})


@cache
def state_columns(table: type[Base]) -> Mapping[type[StrEnum], str]:
    """Return the names of a table's columns that have a lifecycle, by the class of their states."""
    columns = ((one.key, one.columns[0].info) for one in inspect(table).column_attrs)
    return {info[STATES]: name for name, info in columns if STATES in info}


def _column(table: type[Base], state: StrEnum) -> str:
    columns = state_columns(table)
    if type(state) not in columns:
        expected = _listed(known.__name__ for known in columns)
        raise StateChangeError(
            f"{table.__tablename__}: expected {expected}, found {type(state).__name__}"
        )
    return columns[type(state)]


def _require_initial(row: Base, column: str, state: StrEnum) -> None:
    initial = LIFECYCLES[type(state)].initial
    if getattr(row, column) is not None or state not in initial:
        raise StateChangeError(
            f"{_named(row, column)}: expected a new row to begin as {_listed(initial)}, "
            f"found {state.value}"
        )


def _named(row: Base, column: str) -> str:
    identity = inspect(row).identity
    return f"{row.__tablename__} {identity[0] if identity else '(a new row)'}, {column}"


def _listed(names: Iterable[str]) -> str:
    return " or ".join(names) or "nothing"
