"""The reading worklist in order: priority, then the score that gave it, then time of arrival."""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, literal, select, tuple_
from sqlalchemy.orm import Session

from screening.db.session import Database
from screening.db.study_tables import Study
from screening.worklist.position import (
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

    def waiting_s(self, now: datetime) -> float:
        """Return the seconds since the study's first image arrived; now: aware."""
        return max(0.0, (now - self.received_at).total_seconds())

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, times in ISO 8601."""
        finished_at = self.finished_at.isoformat() if self.finished_at else None
        times = {"received_at": self.received_at.isoformat(), "finished_at": finished_at}
        return {**asdict(self), **times}


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
) -> WorklistPage:
    """Return at most `limit` studies in reading order: the first, or those next to a cursor.

    limit: 1 to MOST_ON_A_PAGE. after, before: a cursor that a page gave; not both. Pages follow
    the order of the moment: a study that moves between two reads may be seen twice or not at all,
    and no other is. Costs the same on every page.
    Raises CursorError, and DatabaseUnavailableError where the database is away.
    """
    if not 1 <= limit <= MOST_ON_A_PAGE or (after and before):
        raise ValueError(f"expected a limit of 1 to {MOST_ON_A_PAGE} and one cursor")
    backward = before is not None
    start = parse_cursor(before or after or "") if before or after else None
    with database.read() as session:
        if start is not None:
            start = _resolved(session, start)
        found = session.execute(_beside(start, backward=backward).limit(limit + 1)).all()
    more, rows = len(found) > limit, list(found[:limit])
    if backward:
        rows.reverse()
    if not rows:
        return WorklistPage((), None, None)
    follows, precedes = (True, more) if backward else (more, start is not None)
    return WorklistPage(
        tuple(_entry(row) for row in rows),
        next_cursor=_position(rows[-1]).as_cursor() if follows else None,
        previous_cursor=_position(rows[0]).as_cursor() if precedes else None,
    )


def read_entry(database: Database, study_instance_uid: str) -> WorklistEntry | None:
    """Return one study's entry, None where the study is unknown.

    Raises DatabaseUnavailableError where the database is away.
    """
    with database.read() as session:
        row = session.execute(
            select(_STUDIES).where(_STUDIES.c.study_instance_uid == study_instance_uid)
        ).one_or_none()
    return None if row is None else _entry(row)


_STUDIES = Study.__table__  # plain rows: as objects they cost twice as much to read
_ORDER = tuple(
    _STUDIES.c[name] for name in ("rank", "score_order", "received_at", "study_instance_uid")
)


def _resolved(session: Session, start: Position) -> Position:
    """Return a position with the UID that its digest stands for; "" where that study has moved."""
    if not start.study_instance_uid.startswith(DIGEST_PREFIX):
        return start
    here = (start.rank, start.score_order, start.received_at)
    same = select(_STUDIES.c.study_instance_uid)
    for column, value in zip(_ORDER, here, strict=False):
        same = same.where(column == value)
    uids = session.scalars(same)
    found = (uid for uid in uids if digest_of(uid) == start.study_instance_uid)
    return replace(start, study_instance_uid=next(found, ""))


def _beside(start: Position | None, *, backward: bool) -> Select[Any]:
    """Select the studies on one side of a position, the nearest first."""
    order = [column.desc() for column in _ORDER] if backward else _ORDER
    studies = select(_STUDIES).order_by(*order)
    if start is None:
        return studies
    values = (start.rank, start.score_order, start.received_at, start.study_instance_uid)
    here = tuple_(
        *(literal(value, column.type) for value, column in zip(values, _ORDER, strict=True))
    )
    return studies.where(tuple_(*_ORDER) < here if backward else tuple_(*_ORDER) > here)


def _position(row: Row[Any]) -> Position:
    return Position(row.rank, row.score_order, row.received_at, row.study_instance_uid)


def _entry(row: Row[Any]) -> WorklistEntry:
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
    )
