"""The studies that are read, the newest reading first."""

from sqlalchemy import literal, select, tuple_

from screening.db.session import Database
from screening.db.tables.studies import Study
from screening.domain.reading import StudyReading
from screening.worklist.studies.ordering import WorklistPage, entry_of
from screening.worklist.studies.position import STUDIES_ON_PAGE, Position, parse_cursor

_STUDIES = Study.__table__
_ORDER = (_STUDIES.c.reading_since, _STUDIES.c.study_instance_uid)


def read_finished(
    database: Database, *, limit: int = STUDIES_ON_PAGE, before: str | None = None
) -> WorklistPage:
    """Return at most `limit` studies that are read: the newest, or those read before a cursor's.

    Costs the same on every page. Raises CursorError, and DatabaseUnavailableError where the
    database is away.
    """
    # written into the statement, so that the partial index is used
    is_read = _STUDIES.c.reading == literal(StudyReading.READ.value, literal_execute=True)
    newest_first = [column.desc() for column in _ORDER]
    statement = select(_STUDIES).where(is_read).order_by(*newest_first).limit(limit + 1)
    if before is not None:
        place = parse_cursor(before)
        values = (place.received_at, place.study_instance_uid)
        here = (literal(value, one.type) for value, one in zip(values, _ORDER, strict=True))
        statement = statement.where(tuple_(*_ORDER) < tuple_(*here))
    with database.read() as session:
        found = session.execute(statement).all()
    rows = found[:limit]
    last = rows[-1] if len(found) > limit else None
    cursor = Position(0, 0.0, last.reading_since, last.study_instance_uid) if last else None
    return WorklistPage(
        tuple(entry_of(row, None) for row in rows),
        next_cursor=cursor.as_cursor() if cursor else None,
        previous_cursor=None,
    )
