"""Events as rows: what an AE is to be told, until it was told. Source: PS3.4 CC.2.4."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.dataset import Dataset
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from screening.db.clock import shared_now, utc_now
from screening.db.session import Database
from screening.db.states import change_state, update_to
from screening.db.tables.procedure_steps import StepReport
from screening.domain.backoff import Backoff
from screening.domain.procedure_step import EventType, StepReportState
from screening.imaging.quiet import quiet
from screening.work.queues import OPEN_STEP_REPORTS, STEP_REPORT_LEASE_S, STEP_REPORTS

GIVE_UP_AFTER = timedelta(days=7)
MOST_OPEN_REPORTS = 10_000
"""Of one AE: of one that is gone, the newest are kept."""


@dataclass(frozen=True, slots=True)
class ClaimedReport:
    """One report under lease."""

    report_id: int
    attempt: int
    """The lease's token."""
    receiving_ae_title: str
    sop_instance_uid: str
    event_type: int
    information: Dataset


def add_reports(
    session: Session, titles: Collection[str], step_id: int, event: EventType, information: Dataset
) -> None:
    """Have these AEs told of an event."""
    for title in titles:
        session.add(
            StepReport(
                receiving_ae_title=title,
                step_id=step_id,
                event_type=int(event),
                information=information.to_json_dict(),
                happened_at=utc_now(),
            )
        )


def give_up_oldest(session: Session, title: str) -> int:
    """Give up what an AE that is gone has waiting beyond MOST_OPEN_REPORTS; return how many."""
    its = StepReport.receiving_ae_title == title
    waiting = session.execute(select(func.count()).where(OPEN_STEP_REPORTS, its)).scalar_one()
    excess = waiting - MOST_OPEN_REPORTS
    if excess > 0:
        oldest = (
            select(StepReport.id)
            .where(OPEN_STEP_REPORTS, its)
            .order_by(StepReport.id)
            .limit(excess)
        )
        ids = session.scalars(oldest).all()
        session.execute(
            update_to(StepReport, StepReportState.GIVEN_UP).where(StepReport.id.in_(ids))
        )
    return max(0, excess)


def titles_due(database: Database) -> list[str]:
    """Return the AE titles for which a report is due. Raises DatabaseUnavailableError."""
    with database.read() as session:
        title, now = StepReport.receiving_ae_title, shared_now(session)
        return STEP_REPORTS.due_values(session, now, title, OPEN_STEP_REPORTS)


def claim_report(database: Database, title: str) -> ClaimedReport | None:
    """Claim the oldest report that is due for an AE, None where none is.

    Raises DatabaseUnavailableError.
    """
    its = StepReport.receiving_ae_title == title
    with database.write() as session:
        now = shared_now(session)
        rows = STEP_REPORTS.due(session, now, OPEN_STEP_REPORTS, its, limit=1)
        if not rows:
            return None
        [row] = rows
        ends_at = now + timedelta(seconds=STEP_REPORT_LEASE_S)
        STEP_REPORTS.take(row, token=row.attempts + 1, ends_at=ends_at)
        with quiet():
            information = Dataset.from_json(row.information)
        return ClaimedReport(
            row.id, row.attempts, title, row.step.sop_instance_uid, row.event_type, information
        )


def record_reported(database: Database, claimed: ClaimedReport, status: int) -> None:
    """Record that the AE was told, and its status. Raises DatabaseUnavailableError."""
    with database.write() as session:
        row = session.get_one(StepReport, claimed.report_id, with_for_update=True)
        if STEP_REPORTS.is_held_by(row, claimed.attempt):
            change_state(row, StepReportState.REFUSED if status else StepReportState.REPORTED)
            STEP_REPORTS.release(row)
            row.reported_at, row.last_status = utc_now(), f"0x{status:04X}"
            row.last_message = None


def record_not_reported(
    database: Database, claimed: ClaimedReport, message: str, backoff: Backoff
) -> None:
    """Have the AE told later, with all that is due for it; give up after a week.

    Raises DatabaseUnavailableError; the lease then runs out.
    """
    with database.write() as session:
        row = session.get_one(StepReport, claimed.report_id, with_for_update=True)
        if not STEP_REPORTS.is_held_by(row, claimed.attempt):
            return
        row.last_status, row.last_message = None, message[:255]
        if utc_now() - row.happened_at >= GIVE_UP_AFTER:
            change_state(row, StepReportState.GIVEN_UP)
            STEP_REPORTS.release(row)
            return
        until = shared_now(session) + timedelta(seconds=backoff.wait_s(row.attempts))
        STEP_REPORTS.give_back(row, not_before=until)
        _postpone_all(session, claimed.receiving_ae_title, until)


def _postpone_all(session: Session, title: str, until: datetime) -> None:
    """Have the reports behind wait as long: they are told in their order."""
    earlier = or_(StepReport.not_before.is_(None), StepReport.not_before < until)
    session.execute(
        update(StepReport)
        .where(
            StepReport.receiving_ae_title == title,
            StepReport.state == StepReportState.DUE,
            earlier,
        )
        .values(not_before=until)
    )
