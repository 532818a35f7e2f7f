"""List reports that a destination does not have, send them again, give them up, or remake them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.derived.totals import Kind, by_subject_and_state, read_totals
from screening.db.events import add_instance_event
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.columns import stands_at
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.instances import Classification, Delivery
from screening.domain.lifecycle import (
    UNDELIVERED,
    DeliveryState,
    ReportCommitmentState,
    ReportState,
)
from screening.domain.shown_values import shown_uid
from screening.work.queues import DELIVERIES


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """One report that a destination does not have yet."""

    destination: str
    state: str
    attempts: int
    last_status: str | None
    last_message: str | None
    next_attempt_at: datetime | None
    study_instance_uid: str
    report_sop_instance_uid: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def undelivered(database: Database, *, destination: str | None = None) -> list[DeliveryLine]:
    """Return undelivered reports, oldest first, of one destination or of all."""
    rows = select(Delivery).where(Delivery.state.in_(UNDELIVERED)).order_by(Delivery.id)
    if destination is not None:
        rows = rows.where(Delivery.destination == destination)
    with database.read() as session:
        return [_line(row) for row in session.scalars(rows)]


def destinations_of_reports(database: Database) -> list[str]:
    """Return the names of all destinations that have ever had a report to receive, sorted."""
    with database.read() as session:
        deliveries = by_subject_and_state(read_totals(session), Kind.DELIVERIES)
    return sorted({destination for destination, _ in deliveries})


def release_parked(database: Database, destination: str, *, given_up: bool = False) -> int:
    """Make every parked delivery of a destination due again; return how many.

    given_up: those that were given up as well.
    """
    resting = [DeliveryState.PARKED, *([DeliveryState.GIVEN_UP] if given_up else [])]
    with database.write() as session:
        released = _move(session, destination, resting, DeliveryState.PENDING, "delivery_released")
        _ask_anew(session, destination)
        return released


def give_up_undelivered(database: Database, destination: str) -> int:
    """Give up every report that a destination does not have; return how many.

    They no longer keep their images. One that is being sent in this moment may arrive all the same.
    """
    with database.write() as session:
        return _move(session, destination, UNDELIVERED, DeliveryState.GIVEN_UP, "delivery_given_up")


def _move(
    session: Session, destination: str, states: Sequence[str], to: DeliveryState, event: str
) -> int:
    found = select(Delivery).where(Delivery.destination == destination, Delivery.state.in_(states))
    rows = session.scalars(found.with_for_update()).all()
    for row in rows:
        change_state(row, to)
        row.attempts = 0
        DELIVERIES.release(row)
        instance = row.report.classification.instance
        add_instance_event(session, instance, event, destination=destination)
    return len(rows)


def remake_failed_reports(database: Database) -> int:
    """Make due again the reports that could not be made; return how many classifications."""
    failed = select(Classification).where(
        stands_at(Classification.report_state, ReportState.FAILED)
    )
    with database.write() as session:
        rows = session.scalars(failed.with_for_update()).all()
        for row in rows:
            change_state(row, ReportState.DUE)
            row.report_attempts = 0
            row.report_not_before = row.report_error = None
        return len(rows)


def _ask_anew(session: Session, destination: str) -> None:
    """Ask a destination again about the reports that it did not commit itself to."""
    there = select(Delivery.id).where(Delivery.destination == destination)
    failed = select(ReportCommitment).where(
        ReportCommitment.delivery_id.in_(there),
        ReportCommitment.state == ReportCommitmentState.FAILED,
    )
    for row in session.scalars(failed.with_for_update()):
        change_state(row, ReportCommitmentState.DUE)
        row.failures = 0
        row.not_before = row.settled_at = None


def _line(row: Delivery) -> DeliveryLine:
    return DeliveryLine(
        destination=row.destination,
        state=row.state,
        attempts=row.attempts,
        last_status=row.last_status,
        last_message=row.last_message,
        next_attempt_at=row.not_before,
        study_instance_uid=shown_uid(row.report.classification.instance.study_instance_uid),
        report_sop_instance_uid=row.report.sop_instance_uid,
    )
