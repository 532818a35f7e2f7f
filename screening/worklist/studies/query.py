"""Reads the studies of a selection: however many there are in all, from a limited number of images.

Every selection begins at images that an index gives: the newest, those of some days, or those whose
patient or accession number is searched. Of more than MOST_IMAGES not all count, and the page says
so. Their studies are filtered, sorted and cut into pages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.db.tables.studies import Study
from screening.domain.shown_values import is_uid
from screening.worklist.studies.criteria import Order, Selection, Show, Sort
from screening.worklist.studies.ordering import IS_ON_THE_LIST, WorklistEntry, entry_of
from screening.worklist.studies.position import STUDIES_ON_PAGE, CursorError, digest_of

MOST_IMAGES = 10_000
MOST_MATCHES = 30_000
"""Of a search that is as good as none; of more than these not even the newest are found."""
LAST_CHARACTER = "\U0010ffff"
_STUDIES = Study.__table__
_COLUMNS = _STUDIES.c
COLUMNS: Mapping[Sort, tuple[ColumnElement[Any], ...]] = {
    Sort.PRIORITY: (_COLUMNS.rank, _COLUMNS.score_order, _COLUMNS.received_at),
    Sort.COVID19: (_COLUMNS.covid19,),
    Sort.PNEUMONIA: (_COLUMNS.pneumonia,),
    Sort.NORMAL: (_COLUMNS.normal,),
    Sort.PATIENT: (func.lower(_COLUMNS.patient_name), _COLUMNS.patient_id),
    Sort.STUDY: (func.lower(_COLUMNS.study_description), _COLUMNS.accession_number),
    Sort.DATE: (_COLUMNS.study_date, _COLUMNS.study_time),
    Sort.WAITING: (_COLUMNS.received_at,),
    Sort.IMAGES: (_COLUMNS.instances,),
}
UPSIDE_DOWN = frozenset({Sort.WAITING})
"""The longest wait has the earliest arrival."""
AFTER = ("rank", "score_order", "received_at", "study_instance_uid")
"""What orders studies that a column does not tell apart."""


@dataclass(frozen=True, slots=True)
class SelectedStudies:
    """One page of a selection.

    total: how many studies there are on all pages. is_cut: more
    images match than are looked at. Cursors name a study by its UID, or by its digest.
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
        images = _images(selection, text, moment, session.get_bind().dialect.name)
        images_found = session.execute(select(func.count()).select_from(images.subquery()))
        uids = session.scalars(_ordered(selection, images)).all()
        start, end = _page(uids, after, before, limit)
        entries = _entries(session, uids[start:end], moment.overdue_until)
        is_cut = images_found.scalar_one() > MOST_IMAGES
    return SelectedStudies(
        entries=entries,
        total=len(uids),
        is_cut=is_cut,
        next_cursor=_name(uids[end - 1]) if end < len(uids) else None,
        previous_cursor=_name(uids[start]) if start > 0 else None,
    )


def _images(selection: Selection, text: str, moment: Moment, dialect: str) -> Select[str]:
    """Select the studies of images that an index gives, the newest images first."""
    images: Any = Instance.__table__
    conditions = _arrival(selection, moment)
    if text:
        columns = (images.c.study_instance_uid, images.c.received_at, images.c.id)
        matches = select(*columns).where(*conditions, _matches(text, dialect)).limit(MOST_MATCHES)
        images, conditions = matches.subquery(), []
    newest: Select[str] = select(images.c.study_instance_uid).where(*conditions)
    return newest.order_by(images.c.received_at.desc(), images.c.id.desc()).limit(MOST_IMAGES + 1)


def _arrival(selection: Selection, moment: Moment) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if selection.show is Show.TODAY:
        conditions.append(Instance.received_at >= moment.start_of(moment.today))
    if selection.first_day:
        conditions.append(Instance.received_at >= moment.start_of(selection.first_day))
    if selection.last_day and selection.last_day < date.max:
        behind = selection.last_day + timedelta(days=1)
        conditions.append(Instance.received_at < moment.start_of(behind))
    return conditions


def _begins(column: Any, start: str, dialect: str) -> ColumnElement[bool]:
    """Return whether a column begins with a text, by an index in the order of code points."""
    from_, below = ("~>=~", "~<~") if dialect == "postgresql" else (">=", "<")
    return and_(column.op(from_)(start), column.op(below)(start + LAST_CHARACTER))


def _matches(text: str, dialect: str) -> ColumnElement[bool]:
    """Return whether an image is of a patient, or a study, that a reader means."""
    ways: list[ColumnElement[bool]] = [
        Instance.patient_id.in_(spellings(text)),
        Instance.accession_number.in_(spellings(text)),
        *(_begins(Instance.patient_name, start, dialect) for start in name_beginnings(text)),
    ]
    if is_uid(text):
        ways.append(Instance.study_instance_uid == text)
    return or_(*ways)


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


def _ordered(selection: Selection, images: Select[str]) -> Select[str]:
    """Select the UIDs of the studies, in the order that the reader chose."""
    newest = images.subquery()
    statement = select(_COLUMNS.study_instance_uid).where(
        _COLUMNS.study_instance_uid.in_(select(newest.c.study_instance_uid))
    )
    for condition in _filters(selection):
        statement = statement.where(condition)
    is_down = (selection.order is Order.DOWN) != (selection.sort in UPSIDE_DOWN)
    chosen = COLUMNS[selection.sort]
    ordered = [(one.desc() if is_down else one.asc()).nulls_last() for one in chosen]
    return statement.order_by(*ordered, *(_COLUMNS[name] for name in AFTER))


def _filters(selection: Selection) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if selection.show is Show.UNREAD:
        wanted.append(IS_ON_THE_LIST)
    if selection.priority:
        wanted.append(_COLUMNS.priority == selection.priority.value)
    if selection.state:
        wanted.append(_COLUMNS[selection.state.value] > 0)
    if selection.sender:
        wanted.append(_COLUMNS.calling_ae_title == selection.sender)
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
    rows = session.execute(select(_STUDIES).where(_COLUMNS.study_instance_uid.in_(uids)))
    found = {row.study_instance_uid: entry_of(row, overdue_until) for row in rows}
    return tuple(found[uid] for uid in uids if uid in found)
