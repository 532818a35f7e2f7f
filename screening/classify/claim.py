"""Claim rows, keep the claim alive, give it back. The database is the queue (design, promise 2).

A claim is a lease with a token of its own; whoever finishes must still hold it, so that a worker
that comes back late changes nothing. Attempts are counted before the work.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, select, update
from sqlalchemy.orm import Session, aliased, selectinload

from screening.classify.compare import StandingObject
from screening.classify.verdict import give_verdict
from screening.db.clock import shared_now
from screening.db.due_rows import LANES, is_any, oldest_of, stands_at
from screening.db.events import add_instance_event
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables import Classification, Instance
from screening.db.what_stands import settle
from screening.domain.eligibility import Reason
from screening.domain.lifecycle import (
    MAX_ATTEMPTS,
    ClassificationState,
    FailureReason,
    Lane,
)

NEVER_COMPARED = "every attempt to compare the pictures failed"
LONGEST_LEASE_S = 600
"""A lease that has longer than this to run was given before the clock was set back: it is void."""


@dataclass(frozen=True, slots=True)
class ClaimedInstance:
    """One claimed row, as far as the work needs it."""

    classification_id: int
    sop_instance_uid: str
    study_instance_uid: str
    sha256: str
    attempt: int
    standing: StandingObject | None
    """The object to compare it with, of the same SOP Instance UID, where another one stands."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch of rows, the token that proves the lease, and the name of its worker."""

    token: str
    worker: str
    instances: tuple[ClaimedInstance, ...]


def anything_due(database: Database) -> bool:
    """Return whether a claim would find a row."""
    with database.read() as session:
        now = shared_now(session)
        return any(is_any(session, _sources(lane, now)) for lane in LANES)


def claim(
    database: Database, *, bundle_id: int, worker: str, batch_size: int, lease_s: float
) -> Claim:
    """Claim up to `batch_size` due rows for one bundle: live before backfill, oldest first.

    A row that was tried before is claimed alone: if it kills its worker, it takes no other with
    it. A row with MAX_ATTEMPTS behind it goes into quarantine instead. The claim is empty only
    where nothing is due. Raises DatabaseUnavailableError.
    """
    token = str(uuid.uuid4())
    while True:
        with database.write() as session:
            now = shared_now(session)
            due = _due_rows(session, batch_size, now)
            batch = _batch(due, session, bundle_id, now)
            lease_expires_at = now + timedelta(seconds=lease_s)
            for row in batch:
                _take(row, bundle_id=bundle_id, token=token, until=lease_expires_at)
                _add_claim_event(row, session, worker)
            if batch or not due:
                instances = tuple(_claimed(session, row) for row in batch)
                return Claim(token, worker, instances)


def renew(database: Database, held: Claim, *, lease_s: float) -> None:
    """Show that the worker lives: the lease runs `lease_s` seconds from now.

    Raises DatabaseUnavailableError.
    """
    with database.write() as session:
        session.execute(
            update(Classification)
            .where(_held_by(held.token))
            .values(lease_expires_at=shared_now(session) + timedelta(seconds=lease_s))
        )


def still_held(session: Session, held: Claim) -> dict[int, Classification]:
    """Return the claim's rows that are still this claim's, by classification id, locked."""
    rows = session.scalars(select(Classification).where(_held_by(held.token)).with_for_update())
    return {row.id: row for row in rows}


def give_back(row: Classification, *, not_before: datetime) -> None:
    """Let the row wait for another attempt."""
    change_state(row, ClassificationState.RECEIVED)
    row.bundle_id = None
    row.lease_owner = row.lease_expires_at = None
    row.not_before = not_before


def _held_by(token: str) -> ColumnElement[bool]:
    return and_(
        Classification.state == ClassificationState.CLAIMED, Classification.lease_owner == token
    )


def _due_rows(session: Session, limit: int, now: datetime) -> Sequence[Classification]:
    due: list[Classification] = []
    for lane in LANES:
        sources = [source.with_for_update(skip_locked=True) for source in _sources(lane, now)]
        due += oldest_of(session, sources, limit - len(due))
        if len(due) >= limit:
            break
    return due


def _sources(lane: Lane, now: datetime) -> list[Select[Classification]]:
    """Select a lane's rows that never waited, whose wait is over, and whose worker is silent."""
    row = Classification
    in_lane = (
        select(row).where(stands_at(row.lane, lane)).options(selectinload(Classification.instance))
    )
    received = in_lane.where(stands_at(row.state, ClassificationState.RECEIVED))
    claimed = in_lane.where(stands_at(row.state, ClassificationState.CLAIMED))
    void = now + timedelta(seconds=LONGEST_LEASE_S)
    return [
        received.where(row.not_before.is_(None)).order_by(row.id),
        received.where(row.not_before.is_not(None), row.not_before <= now).order_by(row.not_before),
        claimed.where(row.lease_expires_at < now).order_by(row.lease_expires_at),
        claimed.where(row.lease_expires_at > void).order_by(row.lease_expires_at),
    ]


def _batch(
    due: Sequence[Classification], session: Session, bundle_id: int, now: datetime
) -> list[Classification]:
    """Return those of the due rows to work on together; the rest is put where it belongs."""
    _quarantine([row for row in due if row.attempts >= MAX_ATTEMPTS], session, now)
    rows = [row for row in due if row.attempts < MAX_ATTEMPTS]
    rows = _without_done(rows, session, bundle_id)
    return rows[:1] if rows and rows[0].attempts else [row for row in rows if not row.attempts]


def _quarantine(rows: Sequence[Classification], session: Session, now: datetime) -> None:
    for row in rows:
        if row.instance.conflicting:
            give_verdict(session, row, Reason.CONFLICTING_INSTANCE, NEVER_COMPARED)
            settle(session, row.instance_id)
            continue
        change_state(row, ClassificationState.FAILED)
        row.reason = FailureReason.WORKER_LOST
        row.detail = f"tried {row.attempts} times"
        row.finished_at = now
        row.lease_owner = row.lease_expires_at = None
        add_instance_event(session, row.instance, "classification_failed", reason=row.reason)
        settle(session, row.instance_id)


def _without_done(
    rows: Sequence[Classification], session: Session, bundle_id: int
) -> list[Classification]:
    """Drop backfill rows whose instance has a result of this bundle already."""
    done, pending = Classification, aliased(Classification)
    finished = select(pending.id).join(done, done.instance_id == pending.instance_id)
    void = set(
        session.scalars(
            finished.where(
                pending.id.in_([row.id for row in rows]),
                done.bundle_id == bundle_id,
                done.id != pending.id,
            )
        )
    )
    for row in rows:
        if row.id in void:
            session.delete(row)
    return [row for row in rows if row.id not in void]


def _take(row: Classification, *, bundle_id: int, token: str, until: datetime) -> None:
    change_state(row, ClassificationState.CLAIMED)
    row.bundle_id = bundle_id
    row.attempts += 1
    row.lease_owner = token
    row.lease_expires_at = until


def _add_claim_event(row: Classification, session: Session, worker: str) -> None:
    add_instance_event(
        session, row.instance, "classification_claimed", attempt=row.attempts, worker=worker
    )


def _claimed(session: Session, row: Classification) -> ClaimedInstance:
    return ClaimedInstance(
        classification_id=row.id,
        sop_instance_uid=row.instance.sop_instance_uid,
        study_instance_uid=row.instance.study_instance_uid,
        sha256=row.instance.sha256,
        attempt=row.attempts,
        standing=_standing(session, row.instance) if row.instance.conflicting else None,
    )


def _standing(session: Session, instance: Instance) -> StandingObject:
    other = session.scalars(
        select(Instance).where(
            Instance.sop_instance_uid == instance.sop_instance_uid, ~Instance.conflicting
        )
    ).one()
    return StandingObject(other.id, other.sha256, other.removing_since is not None)
