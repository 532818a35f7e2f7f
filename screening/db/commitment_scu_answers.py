"""What a destination said about reports it was asked to commit itself to.

The answer may come to the report station, on the association it asked on, or to the SCP: both
record it here.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.clock import shared_now, utc_now
from screening.db.events import add_delivery_event
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.instances import Delivery
from screening.domain.backoff import BACKOFFS, Retried
from screening.domain.commitment import (
    CommitmentAnswer,
    NotCommitted,
    WhatNext,
    failure_rule,
)
from screening.domain.failures import MAX_ATTEMPTS
from screening.domain.lifecycle import DeliveryState, ReportCommitmentState

BY_EVENT = "storage-commitment"
BY_QUERY = "query"


def record_answer(database: Database, answer: CommitmentAnswer) -> int:
    """Record an N-EVENT-REPORT; return how many reports the transaction asked about, 0: unknown.

    A report it says nothing of stays asked. One answered before stays as it was, so that an answer
    may come twice; one that seemed not to have been asked, and was, is answered all the same.
    Raises DatabaseUnavailableError.
    """
    committed = {one.sop_instance_uid for one in answer.committed}
    failed = {one.sop_instance_uid: reason for one, reason in answer.failed.items()}
    asked = select(ReportCommitment).where(
        ReportCommitment.transaction_uid == answer.transaction_uid
    )
    with database.write() as session:
        rows = session.scalars(asked.order_by(ReportCommitment.id).with_for_update()).all()
        for row in rows:
            uid = row.delivery.report.sop_instance_uid
            if row.state not in {ReportCommitmentState.ASKED, ReportCommitmentState.DUE}:
                continue
            if uid in failed:
                _record_failure(session, row, failed[uid], BY_EVENT)
            elif uid in committed:
                _record_committed(session, row, BY_EVENT)
        return len(rows)


def record_found(
    database: Database, transaction_uid: str, found: Iterable[tuple[int, bool]]
) -> None:
    """Record by commitment id whether a query found the report. Raises DatabaseUnavailableError."""
    with database.write() as session:
        for commitment_id, is_there in found:
            row = session.get_one(ReportCommitment, commitment_id, with_for_update=True)
            if row.state != ReportCommitmentState.ASKED or row.transaction_uid != transaction_uid:
                continue
            if is_there:
                _record_committed(session, row, BY_QUERY)
            else:
                _record_failure(session, row, NotCommitted.NO_SUCH_INSTANCE, BY_QUERY)


def _record_committed(session: Session, row: ReportCommitment, how: str) -> None:
    change_state(row, ReportCommitmentState.COMMITTED)
    row.settled_at, row.not_before = utc_now(), None
    row.last_message = f"by {how}"
    add_delivery_event(session, row.delivery, "report_committed", how=how)


def _record_failure(session: Session, row: ReportCommitment, reason: int, how: str) -> None:
    """Have the report sent again or asked about again, or park it.

    Source: PS3.3 C.14.1.1 for the reason.
    """
    rule = failure_rule(reason)
    what_next = rule.what_next
    if what_next is WhatNext.SEND_AGAIN:
        row.failures += 1
        what_next = WhatNext.PARK if row.failures >= MAX_ATTEMPTS else what_next
    row.last_message = f"{rule.meaning} (0x{reason:04X}), by {how}"[:255]
    row.transaction_uid = None  # it is answered: the same answer again counts no second time
    row.not_before = _next_time(session, row) if what_next is WhatNext.ASK_AGAIN else None
    if what_next is WhatNext.PARK:
        _park(row, reason)
    else:
        change_state(row, ReportCommitmentState.DUE)
    if what_next is WhatNext.SEND_AGAIN:
        _send_again(row.delivery)
    add_delivery_event(
        session,
        row.delivery,
        "report_not_committed",
        how=how,
        status=f"0x{reason:04X}",
        message=rule.meaning,
        what_next=what_next.value,
    )


def _next_time(session: Session, row: ReportCommitment) -> datetime:
    wait_s = BACKOFFS[Retried.COMMITMENT_NOT_YET].wait_s(row.attempts)
    return shared_now(session) + timedelta(seconds=wait_s)


def _park(row: ReportCommitment, reason: int) -> None:
    change_state(row, ReportCommitmentState.FAILED)
    row.settled_at = utc_now()
    change_state(row.delivery, DeliveryState.PARKED)
    row.delivery.last_status = f"0x{reason:04X}"
    meaning = failure_rule(reason).meaning
    row.delivery.last_message = f"took the report and does not commit itself: {meaning}"


def _send_again(delivery: Delivery) -> None:
    change_state(delivery, DeliveryState.PENDING)
    delivery.attempts = 0
    delivery.not_before = delivery.delivered_at = None
