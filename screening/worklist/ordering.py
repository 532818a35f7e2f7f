"""The reading worklist in order: priority, then COVID-19 probability, then time of arrival."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from screening.db.session import Database
from screening.db.tables import Classification, Delivery, Instance, Report
from screening.db.views import instance_results, worklist
from screening.domain.lifecycle import DeliveryState, ReportState


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
    """How far a study's reports have come; of several, the one that most needs attention."""

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

    covid19, pneumonia: the highest probability of the study's images, 0 to 1; normal: the lowest;
    None where no image has a score. untrained: a score comes from an untrained bundle.
    instances = pending + failed + not_applicable + classified. Times are aware, in UTC.
    """

    study_instance_uid: str
    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)
    accession_number: str = field(repr=False)
    study_date: str = field(repr=False)
    study_time: str = field(repr=False)
    modality: str
    instances: int
    pending: int
    failed: int
    not_applicable: int
    classified: int
    priority: ReadingPriority
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


def read_worklist(database: Database, *, limit: int | None = None) -> list[WorklistEntry]:
    """Return the studies in reading order, the first `limit` of them (None: all).

    Raises DatabaseUnavailableError where the database is away.
    """
    in_order = (
        select(worklist)
        .order_by(
            worklist.c.rank,
            worklist.c.covid19.desc().nulls_last(),
            worklist.c.received_at,
            worklist.c.study_instance_uid,
        )
        .limit(limit)
    )
    with database.read() as session:
        rows = session.execute(in_order).all()
        listed = None if limit is None else {row.study_instance_uid for row in rows}
        progress = _report_progress(session, listed)
    return [_entry(row, progress) for row in rows]


def read_entry(database: Database, study_instance_uid: str) -> WorklistEntry | None:
    """Return one study's entry, None where the study is unknown.

    Raises DatabaseUnavailableError where the database is away.
    """
    of_study = select(worklist).where(worklist.c.study_instance_uid == study_instance_uid)
    with database.read() as session:
        row = session.execute(of_study).one_or_none()
        progress = _report_progress(session, {study_instance_uid})
    return None if row is None else _entry(row, progress)


def _entry(row: Row[Any], progress: dict[str, ReportProgress]) -> WorklistEntry:
    values = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public accessor of a row's columns
    del values["rank"]
    values["priority"] = ReadingPriority(row.priority)
    values["untrained"] = bool(row.untrained)
    values["report"] = progress.get(row.study_instance_uid, ReportProgress.NONE)
    return WorklistEntry(**values)


def _report_progress(
    session: Session, studies: Collection[str] | None
) -> dict[str, ReportProgress]:
    """Return the progress of the reports on the results that stand, by study; None: of all."""
    found = (
        select(Instance.study_instance_uid, Classification.report_state, Delivery.state)
        .distinct()
        .join_from(
            instance_results,
            Classification,
            Classification.id == instance_results.c.classification_id,
        )
        .join(Instance, Instance.id == Classification.instance_id)
        .outerjoin(Report, Report.classification_id == Classification.id)
        .outerjoin(Delivery, Delivery.report_id == Report.id)
    )
    if studies is not None:
        found = found.where(Instance.study_instance_uid.in_(studies))
    by_study = defaultdict(set)
    for study_instance_uid, report_state, delivery_state in session.execute(found):
        by_study[study_instance_uid].add(_progress(report_state, delivery_state))
    order = list(ReportProgress)
    return {study: min(found, key=order.index) for study, found in by_study.items()}


def _progress(report_state: str, delivery_state: str | None) -> ReportProgress:
    if report_state == ReportState.MADE and delivery_state is not None:
        return _PROGRESS_OF_DELIVERY[DeliveryState(delivery_state)]
    return _PROGRESS_OF_REPORT[ReportState(report_state)]


_PROGRESS_OF_REPORT = {
    ReportState.NONE: ReportProgress.NONE,
    ReportState.DUE: ReportProgress.DUE,
    ReportState.MADE: ReportProgress.MADE,
    ReportState.FAILED: ReportProgress.FAILED,
}
_PROGRESS_OF_DELIVERY = {
    DeliveryState.PENDING: ReportProgress.SENDING,
    DeliveryState.SENDING: ReportProgress.SENDING,
    DeliveryState.DELIVERED: ReportProgress.DELIVERED,
    DeliveryState.PARKED: ReportProgress.PARKED,
    DeliveryState.GIVEN_UP: ReportProgress.GIVEN_UP,
}
