"""Claim what is to be classified, and give it back. The database is the queue (promise 2)."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.classify.compare import StandingObject
from screening.classify.renewal import answers_to_renew, is_of_other_levels, keep_as_it_was
from screening.classify.verdict import give_verdict
from screening.db.calibrations import calibrations_in_force
from screening.db.clock import shared_now
from screening.db.events import add_instance_event
from screening.db.session import Database
from screening.db.standing_results import settle
from screening.db.states import change_state
from screening.db.tables.instances import Classification, Instance
from screening.domain.eligibility import Reason
from screening.domain.failures import MAX_ATTEMPTS, FailureReason
from screening.domain.lifecycle import ClassificationState
from screening.work.queues import CLASSIFICATIONS

NEVER_COMPARED = "every attempt to compare the pictures failed"


@dataclass(frozen=True, slots=True)
class ClaimedInstance:
    """One claimed row, as far as the work needs it."""

    classification_id: int
    sop_instance_uid: str
    calling_ae_title: str
    study_instance_uid: str
    sha256: str
    attempt: int
    standing: StandingObject | None
    """The object to compare it with, of the same SOP Instance UID, where another one stands."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch of rows, the token that proves the lease, its worker's name, and whose bundle."""

    token: str
    worker: str
    bundle_id: int
    instances: tuple[ClaimedInstance, ...]

    @property
    def was_tried_before(self) -> bool:
        """Whether it is a row that was tried before, and so is claimed alone."""
        return any(instance.attempt > 1 for instance in self.instances)


def anything_due(database: Database) -> bool:
    """Return whether a claim would find a row."""
    with database.read() as session:
        return CLASSIFICATIONS.is_due(session, shared_now(session))


def claim(
    database: Database,
    *,
    bundle_id: int,
    worker: str,
    batch_size: int,
    lease_s: float,
    beside_another: bool = False,
) -> Claim:
    """Claim up to `batch_size` due rows for one bundle: live before backfill, oldest first.

    A row that was tried before is claimed alone: if it kills its worker, it takes no other with
    it. A row with MAX_ATTEMPTS behind it goes into quarantine instead. beside_another: the worker
    has another claim under way. The claim is empty only where nothing is due, or where a row that
    was tried before comes next and the worker has another claim. Raises DatabaseUnavailableError.
    """
    token = str(uuid.uuid4())
    while True:
        with database.write() as session:
            now = shared_now(session)
            due = CLASSIFICATIONS.due(session, now, limit=batch_size)
            answered = answers_to_renew(session, due, bundle_id)
            batch = _batch(due, answered, session, bundle_id, now)
            must_wait = beside_another and any(row.attempts for row in batch)
            if must_wait:
                batch = []
            ends_at = now + timedelta(seconds=lease_s)
            for row in batch:
                CLASSIFICATIONS.take(row, token=token, ends_at=ends_at)
                # One result of an instance and bundle: where it has one, this is to renew it.
                row.bundle_id = None if row.id in answered else bundle_id
                _add_claim_event(row, session, worker)
            if batch or must_wait or not due:
                instances = tuple(_claimed(session, row) for row in batch)
                return Claim(token, worker, bundle_id, instances)


def still_held(session: Session, held: Claim) -> dict[int, Classification]:
    """Return the claim's rows that are still this claim's, by classification id, locked."""
    return {row.id: row for row in CLASSIFICATIONS.still_held(session, held.token)}


def give_back(row: Classification, *, not_before: datetime) -> None:
    """Let the row wait for another attempt."""
    CLASSIFICATIONS.give_back(row, not_before=not_before)
    row.bundle_id = None


def _batch(
    due: Sequence[Classification],
    answered: Mapping[int, Classification],
    session: Session,
    bundle_id: int,
    now: datetime,
) -> list[Classification]:
    """Return those of the due rows to work on together; the rest is put where it belongs.

    answered: what the bundle found for their instances before, see `answers_to_renew`.
    """
    _quarantine([row for row in due if row.attempts >= MAX_ATTEMPTS], answered, session, now)
    rows = [row for row in due if row.attempts < MAX_ATTEMPTS]
    rows = _without_done(rows, answered, session, bundle_id)
    return rows[:1] if rows and rows[0].attempts else [row for row in rows if not row.attempts]


def _quarantine(
    rows: Sequence[Classification],
    answered: Mapping[int, Classification],
    session: Session,
    now: datetime,
) -> None:
    for row in rows:
        if row.instance.conflicting:
            give_verdict(session, row, Reason.CONFLICTING_INSTANCE, NEVER_COMPARED)
            settle(session, row.instance_id)
            continue
        if row.id in answered:
            keep_as_it_was(session, row, FailureReason.WORKER_LOST)
            continue
        change_state(row, ClassificationState.FAILED)
        row.reason = FailureReason.WORKER_LOST
        row.detail = f"tried {row.attempts} times"
        row.finished_at = now
        CLASSIFICATIONS.release(row)
        add_instance_event(session, row.instance, "classification_failed", reason=row.reason)
        settle(session, row.instance_id)


def _without_done(
    rows: Sequence[Classification],
    answered: Mapping[int, Classification],
    session: Session,
    bundle_id: int,
) -> list[Classification]:
    """Drop backfill rows whose instance has a result of this bundle already.

    One that was scored with another grey-level curve than the one in force is to be renewed.
    """
    if not answered:
        return list(rows)
    in_force = calibrations_in_force(session, bundle_id)
    kept = []
    for row in rows:
        found = answered.get(row.id)
        if found is None or is_of_other_levels(found, in_force):
            kept.append(row)
        else:
            session.delete(row)
    return kept


def _add_claim_event(row: Classification, session: Session, worker: str) -> None:
    add_instance_event(
        session, row.instance, "classification_claimed", attempt=row.attempts, worker=worker
    )


def _claimed(session: Session, row: Classification) -> ClaimedInstance:
    return ClaimedInstance(
        classification_id=row.id,
        sop_instance_uid=row.instance.sop_instance_uid,
        calling_ae_title=row.instance.calling_ae_title,
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
