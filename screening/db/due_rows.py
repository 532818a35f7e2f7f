"""Finding what is due among any number of rows that wait.

What is due is read from several sources, each in the order of a partial index, so that neither
the rows that wait for their time nor those behind a full batch are looked at. Such an index is
used where a statement has its condition in words: states are written into it, not bound.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, literal
from sqlalchemy.orm import InstrumentedAttribute, Session

from screening.db.tables import Classification, Delivery
from screening.domain.lifecycle import Lane

LANES = (Lane.LIVE, Lane.BACKFILL)
"""In the order in which they are served."""
RowT = TypeVar("RowT", Classification, Delivery)


def stands_at(column: InstrumentedAttribute[str], state: StrEnum) -> ColumnElement[bool]:
    """Return the condition that a column has this value, written into the statement."""
    return column == literal(state.value, literal_execute=True)


def oldest_of(session: Session, sources: Iterable[Select[RowT]], limit: int) -> Sequence[RowT]:
    """Return at most `limit` rows of all sources together, those that were made first.

    sources: in the order of an index; each is read no further than `limit`.
    """
    found = {row.id: row for source in sources for row in session.scalars(source.limit(limit))}
    return [found[key] for key in sorted(found)][:limit]


def is_any(session: Session, sources: Iterable[Select[Any]]) -> bool:
    """Return whether any source has a row."""
    return any(session.execute(source.limit(1)).first() is not None for source in sources)
