"""The reading worklist in order: overdue studies, then priority, score, time of arrival.

The rule is `screening.domain.reading_order`; here it becomes SQL that reads by index.
"""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, literal, select, tuple_
from sqlalchemy.orm import Session

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.studies import Study
from screening.domain.reading import StudyReading
from screening.domain.reading_order import ORDER, Section, order_values, overdue_until, section_of
from screening.worklist.studies.position import (
    DIGEST_PREFIX,
    MOST_ON_A_PAGE,
    STUDIES_ON_PAGE,
    Position,
    digest_of,
    parse_cursor,
)


class ReadingPriority(StrEnum):
    """A study's priority, most urgent first.

    UNSCORED: an image has no score yet or its scoring failed, and none of the others is urgent;
    unknown is never read as unsuspicious. NOT SCREENED: no image is one that we score.
    """

    STAT = "STAT"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    UNSCORED = "UNSCORED"
    LOW = "LOW"
    NOT_SCREENED = "NOT SCREENED"


class ReportProgress(StrEnum):
    """The state of a study's reports; of several, the one that most needs attention."""

    FAILED = "failed"
    PARKED = "parked"
    DUE = "due"
    SENDING = "sending"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"
    MADE = "made"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class WorklistEntry:
    """One study of the worklist. Patient attributes are kept out of `repr`.

    The demographic values are those of one image, the newest that is in no conflict, "" where it
    has none: dates YYYYMMDD, the age as an Age String such as 045Y (PS3.5 section 6.2).
    calling_ae_title: who sent that image. demographics_differ: not all images of the study name
    the same patient and accession number.
    covid19, pneumonia: the highest probability of the study's images, 0 to 1; normal: the lowest;
    None where no image has a score. untrained: a score comes from an untrained bundle.
    priority_rule, priority_score: the rule that fired for the most urgent image, in words, and
    what it looked at, 0 to 1; None where no image has a score.
    instances = pending + failed + not_applicable + classified. Times are aware, in UTC.
    reader, reading_since: who has claimed the study, or has read it, and since when; None of one
    that is unread. returned: it was read before, and images came since. held: somebody claimed it,
    and from then on it does not fall. overdue: it has waited longer than the site's cap.
    """

    study_instance_uid: str
    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)
    patient_birth_date: str = field(repr=False)
    patient_sex: str = field(repr=False)
    patient_age: str = field(repr=False)
    accession_number: str = field(repr=False)
    study_date: str = field(repr=False)
    study_time: str = field(repr=False)
    study_description: str = field(repr=False)
    modality: str
    calling_ae_title: str
    demographics_differ: bool
    instances: int
    pending: int
    failed: int
    not_applicable: int
    classified: int
    priority: ReadingPriority
    priority_rule: str | None
    priority_score: float | None
    covid19: float | None
    pneumonia: float | None
    normal: float | None
    untrained: bool
    received_at: datetime
    finished_at: datetime | None
    report: ReportProgress
    reading: StudyReading
    reader: str | None
    reading_since: datetime | None
    returned: bool
    held: bool
    overdue: bool

    def waiting_s(self, now: datetime) -> float:
        """Return the seconds since the study's first image arrived; now: aware."""
        return max(0.0, (now - self.received_at).total_seconds())

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, times in ISO 8601."""
        finished_at = self.finished_at.isoformat() if self.finished_at else None
        since = self.reading_since.isoformat() if self.reading_since else None
        times = {"received_at": self.received_at.isoformat(), "finished_at": finished_at}
        return {**asdict(self), **times, "reading_since": since}


@dataclass(frozen=True, slots=True)
class WorklistPage:
    """Some studies in reading order.

    next_cursor: `after` for the page behind it; previous_cursor: `before` for the page in front of
    it; None where there is none.
    """

    entries: tuple[WorklistEntry, ...]
    next_cursor: str | None
    previous_cursor: str | None


def read_worklist(
    database: Database,
    *,
    limit: int = STUDIES_ON_PAGE,
    after: str | None = None,
    before: str | None = None,
    cap: timedelta | None = None,
    now: datetime | None = None,
) -> WorklistPage:
    """Return at most `limit` unread studies in reading order: the first, or those next to a cursor.

    limit: 1 to MOST_ON_A_PAGE. after, before: a cursor that a page gave; not both. cap: how long a
    study may wait before it goes ahead of all others; None: as long as others are more urgent.
    now: aware, by default this moment. Pages follow the order of the moment: a study that moves
    between two reads may be seen twice or not at all, and no other is. Costs the same on every
    page.
    Raises CursorError, and DatabaseUnavailableError where the database is away.
    """
    if not 1 <= limit <= MOST_ON_A_PAGE or (after and before):
        raise ValueError(f"expected a limit of 1 to {MOST_ON_A_PAGE} and one cursor")
    backward = before is not None
    start = parse_cursor(before or after or "") if before or after else None
    until = overdue_until(now or utc_now(), cap)
    with database.read() as session:
        if start is not None:
            start = _resolved(session, start)
        found = _beside(session, start, until, limit=limit + 1, backward=backward)
    more, rows = len(found) > limit, found[:limit]
    if backward:
        rows.reverse()
    if not rows:
        return WorklistPage((), None, None)
    follows, precedes = (True, more) if backward else (more, start is not None)
    return WorklistPage(
        tuple(entry_of(row, until) for row in rows),
        next_cursor=_position(rows[-1], until).as_cursor() if follows else None,
        previous_cursor=_position(rows[0], until).as_cursor() if precedes else None,
    )


def read_entry(
    database: Database, study_instance_uid: str, *, cap: timedelta | None = None
) -> WorklistEntry | None:
    """Return one study's entry, also of one that is read; None where the study is unknown.

    Raises DatabaseUnavailableError where the database is away.
    """
    until = overdue_until(utc_now(), cap)
    with database.read() as session:
        row = session.execute(
            select(_STUDIES).where(_STUDIES.c.study_instance_uid == study_instance_uid)
        ).one_or_none()
    return None if row is None else entry_of(row, until)


_STUDIES = Study.__table__  # plain rows: as objects they cost twice as much to read
IS_ON_THE_LIST = _STUDIES.c.reading != literal(StudyReading.READ.value, literal_execute=True)
"""Written into statements, so that partial indexes are used."""


def _resolved(session: Session, start: Position) -> Position:
    """Return a position with the UID that its digest stands for; "" where that study has moved."""
    if not start.study_instance_uid.startswith(DIGEST_PREFIX):
        return start
    columns = ORDER[start.section][:-1]
    same = select(_STUDIES.c.study_instance_uid).where(
        *(_STUDIES.c[name] == getattr(start, name) for name in columns)
    )
    uids = session.scalars(same.where(IS_ON_THE_LIST))
    found = (uid for uid in uids if digest_of(uid) == start.study_instance_uid)
    return replace(start, study_instance_uid=next(found, ""))


def _beside(
    session: Session,
    start: Position | None,
    until: datetime | None,
    *,
    limit: int,
    backward: bool,
) -> list[Row[Any]]:
    """Return studies on one side of a position, the nearest first, section by section."""
    rows: list[Row[Any]] = []
    for section in sorted(ORDER, reverse=backward):
        passed = start is not None and (
            section > start.section if backward else section < start.section
        )
        if passed or len(rows) == limit or (section is Section.OVERDUE and until is None):
            continue
        inside = start if start is not None and section is start.section else None
        statement = _within(section, inside, until, backward=backward)
        rows += session.execute(statement.limit(limit - len(rows))).all()
    return rows


def _within(
    section: Section, start: Position | None, until: datetime | None, *, backward: bool
) -> Select[Any]:
    """Select the studies of one section, from its edge or from a position in it."""
    columns = [_STUDIES.c[name] for name in ORDER[section]]
    order = [column.desc() for column in columns] if backward else columns
    studies = select(_STUDIES).where(IS_ON_THE_LIST).order_by(*order)
    if until is not None:
        arrival = _STUDIES.c.received_at
        studies = studies.where(arrival <= until if section is Section.OVERDUE else arrival > until)
    if start is None:
        return studies
    here = tuple_(
        *(
            literal(value, column.type)
            for value, column in zip(order_values(start, section), columns, strict=True)
        )
    )
    return studies.where(tuple_(*columns) < here if backward else tuple_(*columns) > here)


def _position(row: Row[Any], until: datetime | None) -> Position:
    section = section_of(row.received_at, until=until)
    return Position(row.rank, row.score_order, row.received_at, row.study_instance_uid, section)


def entry_of(row: Row[Any], until: datetime | None) -> WorklistEntry:
    """Return the entry of a row of `studies`; until: arrivals up to then are overdue."""
    on_the_list = row.reading != StudyReading.READ
    return WorklistEntry(
        study_instance_uid=row.study_instance_uid,
        patient_id=row.patient_id,
        patient_name=row.patient_name,
        patient_birth_date=row.patient_birth_date or "",
        patient_sex=row.patient_sex or "",
        patient_age=row.patient_age or "",
        accession_number=row.accession_number,
        study_date=row.study_date,
        study_time=row.study_time,
        study_description=row.study_description or "",
        modality=row.modality,
        calling_ae_title=row.calling_ae_title,
        demographics_differ=row.demographics_differ,
        instances=row.instances,
        pending=row.pending,
        failed=row.failed,
        not_applicable=row.not_applicable,
        classified=row.classified,
        priority=ReadingPriority(row.priority),
        priority_rule=row.priority_rule,
        priority_score=row.priority_score,
        covid19=row.covid19,
        pneumonia=row.pneumonia,
        normal=row.normal,
        untrained=row.untrained,
        received_at=row.received_at,
        finished_at=row.finished_at,
        report=ReportProgress(row.report),
        reading=StudyReading(row.reading),
        reader=row.reader,
        reading_since=row.reading_since,
        returned=row.returned,
        held=row.held_rank is not None,
        overdue=on_the_list and section_of(row.received_at, until=until) is Section.OVERDUE,
    )
