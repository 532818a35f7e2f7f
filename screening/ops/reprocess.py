"""Backfill: classify the instances of a period again with the active bundle, after live work."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from screening.db.bundle_rows import ActiveBundle
from screening.db.calibrations import calibrations_in_force
from screening.db.clock import utc_now
from screening.db.derived.upkeep import NOTED, note_rows
from screening.db.events import add_instance_event
from screening.db.insert import insert_or_nothing
from screening.db.session import Database
from screening.db.standing_results import settle
from screening.db.states import change_state
from screening.db.tables.instances import Classification, Instance
from screening.domain.failures import FAILURE_POLICIES
from screening.domain.lifecycle import ClassificationState, Lane

ROWS_A_TRANSACTION = 500
_OBJECT_AT_FAULT = [reason for reason, how in FAILURE_POLICIES.items() if how.object_at_fault]


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a backfill covers; `to_do` is what it adds now.

    removed: not done, and no more possible, since retention removed the image.
    """

    received: int
    done: int
    pending: int
    removed: int
    to_do: int

    def as_dict(self) -> dict[str, Any]:
        """Return the counts by name."""
        return asdict(self)


def plan(
    database: Database, bundle: ActiveBundle, since: datetime, until: datetime | None
) -> Backfill:
    """Count what a backfill of [since, until) would do.

    Objects that conflict with an earlier one are left out; images that were removed are counted.
    """
    with database.read() as session:
        received = session.scalars(_in_period(since, until)).all()
        pending = set(session.scalars(_in_period(since, until).where(_is_pending())))
        is_done = _is_done(session, bundle)
        done = set(session.scalars(_in_period(since, until).where(is_done))) - pending
        gone = set(session.scalars(_in_period(since, until).where(_is_removed()))) - done - pending
    return Backfill(
        received=len(received),
        done=len(done),
        pending=len(pending),
        removed=len(gone),
        to_do=len(received) - len(done) - len(pending) - len(gone),
    )


def request(
    database: Database, bundle: ActiveBundle, since: datetime, until: datetime | None
) -> int:
    """Add a row in the backfill lane for each instance not yet done; return how many.

    Works in small transactions: an interrupted request goes on where it was when repeated, and a
    repeated one adds nothing.
    """
    added = 0
    while True:
        with database.write() as session:
            todo = (
                _in_period(since, until)
                .where(~_is_pending(), ~_is_done(session, bundle), ~_is_removed())
                .order_by(Instance.id)
                .limit(ROWS_A_TRANSACTION)
                .with_for_update()  # against retention, which removes under the same lock
            )
            ids = session.scalars(todo).all()
            for instance_id in ids:
                _add(session, session.get_one(Instance, instance_id), bundle)
        added += len(ids)
        if len(ids) < ROWS_A_TRANSACTION:
            return added


def _in_period(since: datetime, until: datetime | None) -> Select[int]:
    period = select(Instance.id).where(Instance.received_at >= since, ~Instance.conflicting)
    return period if until is None else period.where(Instance.received_at < until)


def _is_pending() -> Any:
    """Select instances that wait or are being classified."""
    row = aliased(Classification)
    return exists().where(
        row.instance_id == Instance.id,
        row.state.in_([ClassificationState.RECEIVED, ClassificationState.CLAIMED]),
    )


def _is_done(session: Session, bundle: ActiveBundle) -> Any:
    """Select instances this bundle has finished, other than by a failure of ours.

    A score counts if it was made with the grey-level curve that its sender has now.
    """
    row = aliased(Classification)
    curve = calibrations_in_force(session, bundle.id).grey_curve_by_sender
    return exists().where(
        row.instance_id == Instance.id,
        row.bundle_id == bundle.id,
        or_(row.state != ClassificationState.FAILED, row.reason.in_(_OBJECT_AT_FAULT)),
        or_(
            row.state != ClassificationState.CLASSIFIED,
            row.grey_curve_sha256.is_not_distinct_from(curve),
        ),
    )


def _is_removed() -> ColumnElement[bool]:
    """Select instances whose image retention has removed, or is about to."""
    return Instance.removing_since.is_not(None)


def _add(session: Session, instance: Instance, bundle: ActiveBundle) -> None:
    """Add a row, or take this bundle's quarantined row out of quarantine.

    Beside a score with other grey levels the row waits to renew it.
    """
    failed = session.scalar(
        select(Classification).where(
            Classification.instance_id == instance.id,
            Classification.bundle_id == bundle.id,
            Classification.state == ClassificationState.FAILED,
        )
    )
    if failed is not None:
        change_state(failed, ClassificationState.RECEIVED)
        failed.lane = Lane.BACKFILL
        failed.bundle_id = failed.finished_at = failed.reason = failed.detail = None
        failed.attempts = 0
        settle(session, instance.id)
    else:
        session.execute(
            insert_or_nothing(
                session,
                Classification,
                instance_id=instance.id,
                lane=Lane.BACKFILL,
                created_at=utc_now(),
            ),
            execution_options=NOTED,
        )
        note_rows(session, Instance, [instance.id])
    add_instance_event(
        session, instance, "reprocess_requested", bundle=f"{bundle.name} {bundle.version}"
    )
