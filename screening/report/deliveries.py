"""Delivery rows: claim what is due for one destination, and record how each attempt ended.

The rows hold the schedule, so a restart forgets nothing, and a destination that is down delays
only its own rows.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, selectinload

from screening.db.clock import shared_now
from screening.db.due_rows import LANES, is_any, oldest_of, stands_at
from screening.db.events import add_delivery_event
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables import Delivery, Report
from screening.domain.backoff import Backoff
from screening.domain.lifecycle import DeliveryState, Lane
from screening.queue.names import worker_name
from screening.report.breaker import open_breaker, probe_times
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


def anything_due(database: Database, destinations: Collection[str]) -> bool:
    """Return whether a claim for any of these destinations would find a row."""
    with database.read() as session:
        now = shared_now(session)
        probes = probe_times(session)
        return any(
            is_any(session, _probes(name, now) if name in probes else _all_sources(name, now))
            for name in destinations
            if name not in probes or probes[name] <= now
        )


def claim_deliveries(database: Database, destination: str) -> list[ClaimedDelivery]:
    """Claim up to DELIVERIES_AT_ONCE due rows of one destination: live first, then oldest first.

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
        rows = _next_rows(session, destination, now, probe=breaker is not None)
        if breaker and rows:  # nobody else probes meanwhile
            breaker.probe_at = now + timedelta(seconds=LEASE_S)
        for row in rows:
            change_state(row, DeliveryState.SENDING)
            row.attempts += 1
            row.lease_owner = token
            row.lease_expires_at = now + timedelta(seconds=LEASE_S)
        return [ClaimedDelivery(row.id, token, _stored(row.report)) for row in rows]


def _next_rows(
    session: Session, destination: str, now: datetime, *, probe: bool
) -> Sequence[Delivery]:
    if probe:
        found = [
            row
            for source in _locked(_probes(destination, now))
            for row in session.scalars(source.limit(1))
        ]
        return sorted(found, key=lambda row: (row.attempts, row.id))[:1]
    rows: list[Delivery] = []
    for lane in LANES:
        left = DELIVERIES_AT_ONCE - len(rows)
        rows += oldest_of(session, _locked(_sources(destination, lane, now)), left)
        if len(rows) >= DELIVERIES_AT_ONCE:
            break
    return rows


def _locked(sources: Iterable[Select[Delivery]]) -> list[Select[Delivery]]:
    return [source.with_for_update(skip_locked=True) for source in sources]


def _sources(destination: str, lane: Lane, now: datetime) -> list[Select[Delivery]]:
    """Select a destination's rows that never waited, whose wait is over, and in nobody's hands."""
    row = Delivery
    in_lane = stands_at(row.lane, lane)
    pending = _of(destination, DeliveryState.PENDING).where(in_lane)
    rested = pending.where(row.not_before.is_not(None), row.not_before <= now)
    return [
        pending.where(row.not_before.is_(None)).order_by(row.id),
        rested.order_by(row.not_before),
        *(one.where(in_lane) for one in _abandoned(destination, now, row.lease_expires_at)),
    ]


def _all_sources(destination: str, now: datetime) -> list[Select[Delivery]]:
    return [source for lane in LANES for source in _sources(destination, lane, now)]


def _probes(destination: str, now: datetime) -> list[Select[Delivery]]:
    """Select the rows that nobody is sending, the least tried first, whatever their waits."""
    order = (Delivery.attempts, Delivery.id)
    pending = _of(destination, DeliveryState.PENDING).order_by(*order)
    return [pending, *_abandoned(destination, now, *order)]


def _abandoned(destination: str, now: datetime, *order: Any) -> list[Select[Delivery]]:
    sending = _of(destination, DeliveryState.SENDING).order_by(*order)
    void = now + timedelta(seconds=2 * LEASE_S)
    lease_end = Delivery.lease_expires_at
    return [sending.where(lease_end < now), sending.where(lease_end > void)]


def _of(destination: str, state: DeliveryState) -> Select[Delivery]:
    return (
        select(Delivery)
        .where(Delivery.destination == destination, stands_at(Delivery.state, state))
        .options(selectinload(Delivery.report))
    )


def record_attempt(
    database: Database, claimed: ClaimedDelivery, attempt: Attempt, backoff: Backoff
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
            change_state(row, DeliveryState.DELIVERED)
            row.delivered_at = now
        elif attempt.ending is Ending.REFUSED:
            change_state(row, DeliveryState.PARKED)
        else:
            change_state(row, DeliveryState.PENDING)
            wait_s = backoff.wait_s(row.attempts)
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
