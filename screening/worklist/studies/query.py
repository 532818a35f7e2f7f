"""Reads the studies of a selection: however many there are in all, from a limited number of rows.

Every selection begins at what an index gives: the newest studies, the images of some days, or those
whose patient or accession number is searched. Of more than MOST_LOOKED_AT the newest count, and the
page says so. These studies are filtered, sorted and cut into pages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.db.tables.studies import Study
from screening.domain.shown_values import is_uid
from screening.worklist.studies.criteria import Order, Selection, Show, Sort
from screening.worklist.studies.ordering import IS_ON_THE_LIST, WorklistEntry, entry_of
from screening.worklist.studies.position import STUDIES_ON_PAGE, CursorError, digest_of

MOST_LOOKED_AT = 4000
"""As many as are read, filtered and ordered in 50 ms with a million studies."""
MOST_MATCHES = 4000
"""Of a search; one with more looks through the newest images instead."""
LAST_CHARACTER = "\U0010ffff"
_STUDIES: Any = Study.__table__
_IMAGES: Any = Instance.__table__
COLUMNS: Mapping[Sort, tuple[str, ...]] = {
    Sort.PRIORITY: ("rank", "score_order", "received_at"),
    Sort.COVID19: ("covid19",),
    Sort.PNEUMONIA: ("pneumonia",),
    Sort.NORMAL: ("normal",),
    Sort.PATIENT: ("patient_name", "patient_id"),
    Sort.STUDY: ("study_description", "accession_number"),
    Sort.DATE: ("study_date", "study_time"),
    Sort.WAITING: ("received_at",),
    Sort.IMAGES: ("instances",),
}
IN_ANY_CASE = frozenset({"patient_name", "study_description"})
"""Capitals and small letters stand together."""
UPSIDE_DOWN = frozenset({Sort.WAITING})
"""The longest wait has the earliest arrival."""
AFTER = ("rank", "score_order", "received_at", "study_instance_uid")
"""What orders studies that a column does not tell apart."""


@dataclass(frozen=True, slots=True)
class SelectedStudies:
    """One page of a selection.

    total: how many studies there are on all pages. is_cut: there are more than are looked at.
    Cursors name a study by its UID, or by its digest.
    """

    entries: tuple[WorklistEntry, ...]
    total: int
    is_cut: bool
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, aware; the zone in which the site's days begin; until when arrivals are overdue."""

    now: datetime
    zone: tzinfo | None
    overdue_until: datetime | None = None

    def start_of(self, day: date) -> datetime:
        """Return when a day begins; zone None: by the machine's clock."""
        midnight = datetime.combine(day, time())
        return midnight.replace(tzinfo=self.zone) if self.zone else midnight.astimezone()

    @property
    def today(self) -> date:
        """The day it is at the site."""
        return self.now.astimezone(self.zone).date()


def read_selection(
    database: Database,
    selection: Selection,
    text: str,
    moment: Moment,
    *,
    after: str = "",
    before: str = "",
    limit: int = STUDIES_ON_PAGE,
) -> SelectedStudies:
    """Return a page of at most `limit` of the studies that a selection names.

    text: what is searched, "" for everything: the beginning of a name, or a whole patient ID,
    accession number or Study Instance UID. after, before: a cursor that a page gave, not both.
    Raises CursorError where the selection has no such study any more, and
    DatabaseUnavailableError where the database is away.
    """
    with database.read() as session:
        studies, is_cut = _studies(session, selection, text, moment)
        uids = session.scalars(_ordered(selection, studies.subquery().c)).all()
        start, end = _page(uids, after, before, limit)
        entries = _entries(session, uids[start:end], moment.overdue_until)
    return SelectedStudies(
        entries=entries,
        total=len(uids),
        is_cut=is_cut,
        next_cursor=_name(uids[end - 1]) if end < len(uids) else None,
        previous_cursor=_name(uids[start]) if start > 0 else None,
    )


def _studies(
    session: Session, selection: Selection, text: str, moment: Moment
) -> tuple[Select[Any], bool]:
    """Select the studies that count; return too whether others are left out."""
    studies = select(*_looked_at(selection))
    if selection.show is Show.UNREAD:
        studies = studies.where(IS_ON_THE_LIST)
    if text or selection.names_days:
        images, is_cut = _images(session, selection, text, moment)
        return studies.where(_STUDIES.c.study_instance_uid.in_(images)), is_cut
    newest_first = (_STUDIES.c.received_at.desc(), _STUDIES.c.study_instance_uid.desc())
    return _newest(session, studies.order_by(*newest_first), _STUDIES.c.study_instance_uid)


def _looked_at(selection: Selection) -> list[ColumnElement[Any]]:
    """Return the columns of `studies` that filters and order need; SQLite would copy all others."""
    names = [*AFTER, *COLUMNS[selection.sort]]
    names += ["priority"] if selection.priority else []
    names += ["calling_ae_title"] if selection.sender else []
    names += [selection.state.value] if selection.state else []
    return [_STUDIES.c[name] for name in dict.fromkeys(names)]


def _newest(
    session: Session, ordered: Select[Any], key: ColumnElement[Any]
) -> tuple[Select[Any], bool]:
    """Select the first rows, and return whether there are others."""
    others = ordered.with_only_columns(key).offset(MOST_LOOKED_AT).limit(1)
    return ordered.limit(MOST_LOOKED_AT), session.execute(others).first() is not None


def _images(
    session: Session, selection: Selection, text: str, moment: Moment
) -> tuple[Select[str], bool]:
    """Select the studies of the images that count; return too whether others are left out."""
    dialect = session.get_bind().dialect.name
    ways = _ways(_IMAGES.c, text, dialect) if text else []
    if ways and _are_few(session, ways):
        found = _of_each(ways, *_IMAGES.c["study_instance_uid", "received_at"])
        in_days = _arrival(found.c.received_at, selection, moment)
        return select(found.c.study_instance_uid).where(*in_days), False
    in_days = _arrival(_IMAGES.c.received_at, selection, moment)
    newest_first = (_IMAGES.c.received_at.desc(), _IMAGES.c.id.desc())
    searched = ("patient_id", "accession_number", "patient_name") if ways else ()
    columns = _IMAGES.c["study_instance_uid", *searched]
    images = select(*columns).where(*in_days).order_by(*newest_first)
    newest, is_cut = _newest(session, images, _IMAGES.c.id)
    found = newest.subquery()
    matching = [or_(*_ways(found.c, text, dialect))] if ways else []
    return select(found.c.study_instance_uid).where(*matching), is_cut


def _of_each(ways: Sequence[ColumnElement[bool]], *columns: ColumnElement[Any]) -> Subquery:
    """Select images by each way, of which an index gives no more than are wanted."""
    each = (select(*columns).where(way).limit(MOST_MATCHES + 1).subquery() for way in ways)
    return union_all(*(select(one) for one in each)).subquery()


def _are_few(session: Session, ways: Sequence[ColumnElement[bool]]) -> bool:
    """Return whether at most MOST_MATCHES images are found; one that is found twice counts so."""
    found = _of_each(ways, literal(1).label("found"))
    counted = session.execute(select(func.count()).select_from(found))
    return bool(counted.scalar_one() <= MOST_MATCHES)


def _arrival(
    received_at: ColumnElement[datetime], selection: Selection, moment: Moment
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if selection.show is Show.TODAY:
        conditions.append(received_at >= moment.start_of(moment.today))
    if selection.first_day:
        conditions.append(received_at >= moment.start_of(selection.first_day))
    if selection.last_day and selection.last_day < date.max:
        behind = selection.last_day + timedelta(days=1)
        conditions.append(received_at < moment.start_of(behind))
    return conditions


def _begins(column: Any, start: str, dialect: str) -> ColumnElement[bool]:
    """Return whether a column begins with a text, by an index in the order of code points."""
    from_, below = ("~>=~", "~<~") if dialect == "postgresql" else (">=", "<")
    return and_(column.op(from_)(start), column.op(below)(start + LAST_CHARACTER))


def _ways(columns: Any, text: str, dialect: str) -> list[ColumnElement[bool]]:
    """Return in which ways an image may be of a patient, or a study, that a reader means."""
    ways: list[ColumnElement[bool]] = [
        columns.patient_id.in_(spellings(text)),
        columns.accession_number.in_(spellings(text)),
        *(_begins(columns.patient_name, start, dialect) for start in name_beginnings(text)),
    ]
    if is_uid(text):
        ways.append(columns.study_instance_uid == text)
    return ways


def spellings(text: str) -> list[str]:
    """Return a text as it is, in capitals and in small letters: each once."""
    return list(dict.fromkeys((text, text.upper(), text.lower())))


def name_beginnings(text: str) -> list[str]:
    """Return how names in headers may begin that a reader writes as "Smith" or "smith, john".

    DICOM writes Smith^John (PS3.5 section 6.2), most senders in capitals.
    """
    carets = "^".join(part.strip() for part in text.split(","))
    spaced = carets.replace(" ", "^", 1) if "^" not in carets else carets
    written = (carets, spaced)
    ways = [way for one in written for way in (one, one.upper(), one.title())]
    return list(dict.fromkeys(ways))


def _ordered(selection: Selection, columns: Any) -> Select[str]:
    """Select the UIDs of the studies, in the order that the reader chose."""
    is_down = (selection.order is Order.DOWN) != (selection.sort in UPSIDE_DOWN)
    named = ((name, columns[name]) for name in COLUMNS[selection.sort])
    chosen = [func.lower(one) if name in IN_ANY_CASE else one for name, one in named]
    ordered = [(one.desc() if is_down else one.asc()).nulls_last() for one in chosen]
    statement: Select[str] = select(columns.study_instance_uid).where(*_filters(selection, columns))
    return statement.order_by(*ordered, *(columns[name] for name in AFTER))


def _filters(selection: Selection, columns: Any) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if selection.priority:
        wanted.append(columns.priority == selection.priority.value)
    if selection.state:
        wanted.append(columns[selection.state.value] > 0)
    if selection.sender:
        wanted.append(columns.calling_ae_title == selection.sender)
    return wanted


def _page(uids: Sequence[str], after: str, before: str, limit: int) -> tuple[int, int]:
    """Return from where to where the page goes."""
    if after and before:
        raise CursorError("expected one cursor, after or before, found both; name one of them")
    if after:
        start = _place(uids, after) + 1
        return start, min(start + limit, len(uids))
    if before:
        end = _place(uids, before)
        return max(0, end - limit), end
    return 0, min(limit, len(uids))


def _place(uids: Sequence[str], cursor: str) -> int:
    same: Callable[[str], bool] = (
        cursor.__eq__ if is_uid(cursor) else lambda uid: digest_of(uid) == cursor
    )
    for place, uid in enumerate(uids):
        if same(uid):
            return place
    raise CursorError(
        "expected a study of this selection, found none: it has changed; start at the first page"
    )


def _name(uid: str) -> str:
    return uid if is_uid(uid) else digest_of(uid)


def _entries(
    session: Session, uids: Sequence[str], overdue_until: datetime | None
) -> tuple[WorklistEntry, ...]:
    rows = session.execute(select(_STUDIES).where(_STUDIES.c.study_instance_uid.in_(uids)))
    found = {row.study_instance_uid: entry_of(row, overdue_until) for row in rows}
    return tuple(found[uid] for uid in uids if uid in found)
