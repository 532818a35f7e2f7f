"""Commitment rows: which delivered reports a destination is to be asked about, and when.

A row is marked as asked, under its Transaction UID, before the destination hears of it, so that
an answer always finds it; a crash in between leaves a row whose answer is overdue.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.uid import generate_uid
from sqlalchemy import and_, exists, select

from screening.db.clock import shared_now
from screening.db.derived.upkeep import NOTED, note_rows
from screening.db.events import add_delivery_event
from screening.db.insert import insert_or_nothing
from screening.db.session import Database
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.instances import Classification, Delivery, Report
from screening.domain.backoff import Backoff
from screening.domain.commitment import SopReference
from screening.domain.lifecycle import DeliveryState, ReportCommitmentState
from screening.storage_scu.query import InstanceKey
from screening.work.queues import OPEN_COMMITMENTS, REPORT_COMMITMENTS

REPORTS_A_REQUEST = 100
ROWS_A_TRANSACTION = 500


@dataclass(frozen=True, slots=True)
class AskedReport:
    """One report of a request."""

    commitment_id: int
    reference: SopReference
    key: InstanceKey
    delivered_at: datetime
    overdue: bool
    """Whether it was requested before and no answer came in time."""


@dataclass(frozen=True, slots=True)
class ClaimedTransaction:
    """Reports for which one destination is asked to commit, under one Transaction UID."""

    transaction_uid: str
    asked_at: datetime
    """By the clock that `delivered_at` is by."""
    reports: tuple[AskedReport, ...]


def add_commitments(database: Database, destination: str, *, within: timedelta | None) -> int:
    """Add a row for each report delivered there that has none; return how many.

    within: not longer ago than this, None for ever. Raises DatabaseUnavailableError.
    """
    unknown = select(Delivery.id).where(
        Delivery.destination == destination,
        Delivery.state == DeliveryState.DELIVERED,
        ~exists().where(ReportCommitment.delivery_id == Delivery.id),
    )
    if within is not None:
        with database.read() as session:
            unknown = unknown.where(Delivery.delivered_at >= shared_now(session) - within)
    added = 0
    while True:
        with database.write() as session:
            ids = session.scalars(unknown.limit(ROWS_A_TRANSACTION)).all()
            for delivery_id in ids:
                session.execute(
                    insert_or_nothing(session, ReportCommitment, delivery_id=delivery_id),
                    execution_options=NOTED,
                )
            note_rows(session, Delivery, ids)
        added += len(ids)
        if len(ids) < ROWS_A_TRANSACTION:
            return added


def claim_commitments(
    database: Database, destination: str, *, how: str, answer_within_s: float
) -> ClaimedTransaction | None:
    """Mark up to REPORTS_A_REQUEST due or overdue reports as asked; None where none is.

    Raises DatabaseUnavailableError.
    """
    transaction_uid = str(generate_uid(prefix=None))
    queue = REPORT_COMMITMENTS.with_leases_of(answer_within_s)
    delivered = ReportCommitment.delivery.has(
        and_(Delivery.destination == destination, Delivery.state == DeliveryState.DELIVERED)
    )
    with database.write() as session:
        now = shared_now(session)
        rows = queue.due(session, now, OPEN_COMMITMENTS, delivered, limit=REPORTS_A_REQUEST)
        reports = tuple(_asked(row) for row in rows)
        for row in rows:
            ends_at = now + timedelta(seconds=answer_within_s)
            queue.take(row, token=transaction_uid, ends_at=ends_at)
            row.asked_at = now
            add_delivery_event(session, row.delivery, "report_commitment_asked", how=how)
    return ClaimedTransaction(transaction_uid, now, reports) if reports else None


def postpone(
    database: Database,
    request: ClaimedTransaction,
    commitment_ids: Collection[int],
    message: str,
    backoff: Backoff,
) -> None:
    """Have these reports of a request asked about later: the destination could not be asked.

    Raises DatabaseUnavailableError; the answer is then overdue one day.
    """
    asked = select(ReportCommitment).where(
        ReportCommitment.id.in_(commitment_ids),
        REPORT_COMMITMENTS.held_by(request.transaction_uid),
    )
    with database.write() as session:
        now = shared_now(session)
        for row in session.scalars(asked.order_by(ReportCommitment.id).with_for_update()):
            wait = timedelta(seconds=backoff.wait_s(row.attempts))
            REPORT_COMMITMENTS.give_back(row, not_before=now + wait)
            row.last_message = message[:255]
            add_delivery_event(
                session, row.delivery, "report_commitment_postponed", message=row.last_message
            )


def _asked(row: ReportCommitment) -> AskedReport:
    report: Report = row.delivery.report
    classification: Classification = report.classification
    return AskedReport(
        commitment_id=row.id,
        reference=SopReference(report.sop_class_uid, report.sop_instance_uid),
        key=InstanceKey(
            study_instance_uid=classification.instance.study_instance_uid,
            series_instance_uid=report.series_instance_uid,
            sop_instance_uid=report.sop_instance_uid,
        ),
        delivered_at=row.delivery.delivered_at or row.delivery.created_at,
        overdue=row.state == ReportCommitmentState.ASKED,
    )
