"""The circuit breaker of each destination, as rows: all report workers heed the same ones."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from screening.db.clock import shared_now
from screening.db.insert import insert_or_nothing
from screening.db.session import Database
from screening.db.tables.breakers import Breaker
from screening.db.tables.columns import stands_at
from screening.db.tables.instances import Delivery
from screening.domain.breaker import BreakerRules, next_probe
from screening.domain.lifecycle import DeliveryState
from screening.logs import get_logger

MAX_MESSAGE_CHARACTERS = 255
log = get_logger()


def open_breaker(session: Session, destination: str) -> Breaker | None:
    """Return the row of a paused destination, locked; None where it is not paused."""
    return session.scalar(
        select(Breaker)
        .where(Breaker.destination == destination, Breaker.probe_at.is_not(None))
        .with_for_update()
    )


def probe_times(session: Session) -> dict[str, datetime]:
    """Return when each paused destination may be probed, by name."""
    paused = select(Breaker.destination, Breaker.probe_at).where(Breaker.probe_at.is_not(None))
    return {name: probe_at for name, probe_at in session.execute(paused) if probe_at}


def record_failure(
    database: Database,
    destination: str,
    message: str,
    rules: BreakerRules,
    *,
    at_once: bool = False,
) -> None:
    """Count a batch of which the destination answered nothing for good.

    at_once: it would answer every report alike, and is paused from now on.
    Raises DatabaseUnavailableError; then a failure is not counted, which harms nobody.
    """
    with database.write() as session:
        now = shared_now(session)
        row = _locked_breaker(session, destination, now)
        row.failures = max(row.failures + 1, rules.failures if at_once else 0)
        row.last_message = message[:MAX_MESSAGE_CHARACTERS]
        row.probe_at = next_probe(row.failures, now, rules)
        failures, probe_at = row.failures, row.probe_at
    if probe_at is not None:
        log.warning(
            "destination_paused",
            destination=destination,
            failures=failures,
            next_probe_at=probe_at.isoformat(),
            reason=message,
        )


def _locked_breaker(session: Session, destination: str, now: datetime) -> Breaker:
    """Return a destination's row, a new one where it has not failed before."""
    new = {"failures": 0, "failing_since": now, "last_message": ""}
    session.execute(insert_or_nothing(session, Breaker, destination=destination, **new))
    return session.get_one(Breaker, destination, with_for_update=True)


def record_success(database: Database, destination: str) -> None:
    """Forget a destination's failures; where it was paused, all that waits for it is due.

    Raises DatabaseUnavailableError; then the next success does it.
    """
    with database.read() as session:
        if session.get(Breaker, destination) is None:
            return
    with database.write() as session:
        row = session.get(Breaker, destination, with_for_update=True)
        was_paused = row is not None and row.probe_at is not None
        session.execute(delete(Breaker).where(Breaker.destination == destination))
        if was_paused:
            session.execute(
                update(Delivery)
                .where(Delivery.destination == destination)
                .where(stands_at(Delivery.state, DeliveryState.PENDING))
                .where(Delivery.not_before.is_not(None))
                .values(not_before=None)
            )
    if was_paused:
        log.info("destination_resumed", destination=destination)
