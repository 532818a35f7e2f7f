"""Delivery rows: claim what is due for one destination, and record how each attempt ended.

The rows hold the schedule, so a restart forgets nothing, and a destination that is down delays
only its own rows.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from screening.db.clock import shared_now
from screening.db.events import add_delivery_event
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.instances import Delivery, Report
from screening.delivery.kind import Attempt, Ending, StoredReport
from screening.domain.backoff import Backoff
from screening.domain.lifecycle import DeliveryState
from screening.doorbell.names import worker_name
from screening.report.breaker import open_breaker, probe_times
from screening.work.queues import DELIVERIES, DELIVERY_LEASE_S

DELIVERIES_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """One delivery row under lease, and the report to send."""

    delivery_id: int
    token: str
    report: StoredReport


def anything_due(database: Database, destinations: Collection[str]) -> bool:
    """Return whether a claim for any of these destinations would find a row."""
    with database.read() as session:
        now = shared_now(session)
        probes = probe_times(session)
        return any(
            look(session, now, Delivery.destination == name)
            for name in destinations
            for look in [DELIVERIES.is_any_untaken if name in probes else DELIVERIES.is_due]
            if name not in probes or probes[name] <= now
        )


def claim_deliveries(database: Database, destination: str) -> list[ClaimedDelivery]:
    """Claim up to DELIVERIES_AT_ONCE due rows of one destination: live first, then oldest first.

    Of a paused destination one row is claimed when it may be probed, and none before: the one with
    the fewest attempts, whatever its own wait, so that a report that the destination cannot handle
    is not its only probe. Raises DatabaseUnavailableError.
    """
    token = str(uuid.uuid4())
    with database.write() as session:
        now = shared_now(session)
        breaker = open_breaker(session, destination)
        if breaker and breaker.probe_at and breaker.probe_at > now:
            return []
        rows = _next_rows(session, destination, now, probe=breaker is not None)
        lease_ends_at = now + timedelta(seconds=DELIVERY_LEASE_S)
        if breaker and rows:  # nobody else probes meanwhile
            breaker.probe_at = lease_ends_at
        for row in rows:
            DELIVERIES.take(row, token=token, ends_at=lease_ends_at)
        return [ClaimedDelivery(row.id, token, _stored(row.report)) for row in rows]


def _next_rows(
    session: Session, destination: str, now: datetime, *, probe: bool
) -> Sequence[Delivery]:
    its = Delivery.destination == destination
    if not probe:
        return DELIVERIES.due(session, now, its, limit=DELIVERIES_AT_ONCE)
    row = DELIVERIES.least_tried(session, now, its)
    return [] if row is None else [row]


def record_attempt(
    database: Database, claimed: ClaimedDelivery, attempt: Attempt, backoff: Backoff
) -> None:
    """Record how sending ended; nothing where the lease was lost meanwhile.

    Raises DatabaseUnavailableError; the lease then runs out and the same bytes are sent again.
    """
    with database.write() as session:
        row = session.get_one(Delivery, claimed.delivery_id, with_for_update=True)
        if not DELIVERIES.is_held_by(row, claimed.token):
            return
        now = shared_now(session)
        DELIVERIES.release(row)
        row.last_status, row.last_message = attempt.status[:16], attempt.message[:255]
        if attempt.ending is Ending.DELIVERED:
            change_state(row, DeliveryState.DELIVERED)
            row.delivered_at = now
        elif attempt.ending is Ending.REFUSED:
            change_state(row, DeliveryState.PARKED)
        else:
            wait = timedelta(seconds=backoff.wait_s(row.attempts))
            DELIVERIES.give_back(row, not_before=now + wait)
        _add_event(session, row, attempt)
        DELIVERIES.renew(session, claimed.token, ends_at=now + timedelta(seconds=DELIVERY_LEASE_S))


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
        Ending.PAUSED: "delivery_retried",
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
