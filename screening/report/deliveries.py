"""Delivery rows: claim what is due for one destination, and record how each attempt ended.

The rows hold the schedule, so a restart forgets nothing, and a destination that is down delays
only its own rows.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from screening.db.clock import shared_now
from screening.db.events import add_delivery_event
from screening.db.session import Database
from screening.db.tables import Delivery, Report
from screening.domain.lifecycle import DeliveryState, backoff_s
from screening.queue.names import worker_name
from screening.report.breaker import is_paused, may_be_probed, open_breaker
from screening.report.destinations import Attempt, Ending, StoredReport

LEASE_S = 60
"""Longer than one report may take to send (`storage_scu.destination.Timeouts`, together 45 s); each
answer renews the lease of those behind it. A lease that has twice as long to run was given before
the clock was set back: it is void."""
DELIVERIES_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """One delivery row under lease, and the report to send."""

    delivery_id: int
    token: str
    report: StoredReport


def is_due(now: datetime) -> ColumnElement[bool]:
    """Rows that wait and may go now, or whose sender's lease has run out."""
    rested = or_(Delivery.not_before.is_(None), Delivery.not_before <= now)
    return and_(_is_open(now), or_(Delivery.state == DeliveryState.SENDING, rested))


def anything_due(database: Database, destinations: Collection[str]) -> bool:
    """Return whether a claim for any of these destinations would find a row."""
    with database.read() as session:
        now = shared_now(session)
        due = select(Delivery.id).where(
            Delivery.destination.in_(destinations),
            or_(and_(is_due(now), ~is_paused()), and_(_is_open(now), may_be_probed(now))),
        )
        return session.execute(due.limit(1)).first() is not None


def claim_deliveries(database: Database, destination: str) -> list[ClaimedDelivery]:
    """Claim up to DELIVERIES_AT_ONCE due rows of one destination, oldest first.

    Of a destination that is left alone one row is claimed when it may be probed, and none before:
    the one with the fewest attempts, whatever its own wait, so that no report that the destination
    cannot stand is its only probe. Raises DatabaseUnavailableError.
    """
    token = str(uuid.uuid4())
    with database.write() as session:
        now = shared_now(session)
        breaker = open_breaker(session, destination)
        if breaker and breaker.probe_at and breaker.probe_at > now:
            return []
        rows = session.scalars(_next_rows(destination, now, probe=breaker is not None)).all()
        if breaker and rows:  # nobody else probes meanwhile
            breaker.probe_at = now + timedelta(seconds=LEASE_S)
        for row in rows:
            row.state = DeliveryState.SENDING
            row.attempts += 1
            row.lease_owner = token
            row.lease_expires_at = now + timedelta(seconds=LEASE_S)
        return [ClaimedDelivery(row.id, token, _stored(row.report)) for row in rows]


def _is_open(now: datetime) -> ColumnElement[bool]:
    """Rows that nobody is sending."""
    return or_(
        Delivery.state == DeliveryState.PENDING,
        and_(
            Delivery.state == DeliveryState.SENDING,
            or_(
                Delivery.lease_expires_at < now,
                Delivery.lease_expires_at > now + timedelta(seconds=2 * LEASE_S),
            ),
        ),
    )


def _next_rows(destination: str, now: datetime, *, probe: bool) -> Select[Delivery]:
    due = _is_open(now) if probe else is_due(now)
    order = (Delivery.attempts, Delivery.id) if probe else (Delivery.id,)
    return (
        select(Delivery)
        .where(Delivery.destination == destination, due)
        .order_by(*order)
        .limit(1 if probe else DELIVERIES_AT_ONCE)
        .with_for_update(skip_locked=True)
    )


def record_attempt(
    database: Database,
    claimed: ClaimedDelivery,
    attempt: Attempt,
    *,
    retry_first_s: float,
    retry_longest_s: float,
) -> None:
    """Record how sending ended; nothing where the lease was lost meanwhile.

    Raises DatabaseUnavailableError; the lease then runs out and the same bytes are sent again.
    """
    with database.write() as session:
        row = session.get_one(Delivery, claimed.delivery_id, with_for_update=True)
        if row.state != DeliveryState.SENDING or row.lease_owner != claimed.token:
            return
        now = shared_now(session)
        row.lease_owner = row.lease_expires_at = row.not_before = None
        row.last_status, row.last_message = attempt.status[:16], attempt.message[:255]
        if attempt.ending is Ending.DELIVERED:
            row.state, row.delivered_at = DeliveryState.DELIVERED, now
        elif attempt.ending is Ending.REFUSED:
            row.state = DeliveryState.PARKED
        else:
            row.state = DeliveryState.PENDING
            wait_s = backoff_s(row.attempts, first_s=retry_first_s, longest_s=retry_longest_s)
            row.not_before = now + timedelta(seconds=wait_s)
        _add_event(session, row, attempt)
        session.execute(
            update(Delivery)
            .where(Delivery.state == DeliveryState.SENDING, Delivery.lease_owner == claimed.token)
            .values(lease_expires_at=now + timedelta(seconds=LEASE_S))
        )


def _stored(report: Report) -> StoredReport:
    return StoredReport(
        sop_instance_uid=report.sop_instance_uid,
        sop_class_uid=report.sop_class_uid,
        made_at=report.made_at,
        content=report.content,
    )


def _add_event(session: Session, row: Delivery, attempt: Attempt) -> None:
    kinds = {
        Ending.DELIVERED: "delivery_delivered",
        Ending.REFUSED: "delivery_parked",
        Ending.RETRY: "delivery_retried",
    }
    add_delivery_event(
        session,
        row,
        kinds[attempt.ending],
        attempt=row.attempts,
        worker=worker_name(),
        status=row.last_status,
        message=row.last_message,
    )
