"""Claim a result whose heat-maps are to be computed, and write what became of it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from screening.db.clock import shared_now
from screening.db.events import add_instance_event
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.heat_maps import HeatMaps
from screening.domain.backoff import Backoff
from screening.domain.failures import FAILURE_POLICIES, MAX_ATTEMPTS, FailureReason
from screening.domain.heat_map import HeatMap, NoHeatMap
from screening.domain.lifecycle import BundleRole, HeatMapState
from screening.logs import get_logger
from screening.work.queues import HEAT_MAPS

NotMade = NoHeatMap | FailureReason
log = get_logger()


@dataclass(frozen=True, slots=True)
class ClaimedHeatMaps:
    """A result whose heat-maps a worker computes, and the token that proves its lease."""

    token: str
    worker: str
    sha256: str
    """Of the image."""
    calling_ae_title: str
    """Of its sender, whose images may have a grey-level curve."""


def any_heat_maps_due(database: Database) -> bool:
    """Return whether heat-maps are to be computed now."""
    with database.read() as session:
        return HEAT_MAPS.is_due(session, shared_now(session))


def claim_heat_maps(
    database: Database, *, bundle_id: int, worker: str, lease_s: float
) -> ClaimedHeatMaps | None:
    """Claim the heat-maps of one result of this bundle, those that somebody waits for first.

    What nobody can compute any more is closed with its reason. None where nothing is due, or where
    the next is of a bundle that became active meanwhile. Raises DatabaseUnavailableError.
    """
    with database.write() as session:
        now = shared_now(session)
        while rows := HEAT_MAPS.due(session, now, limit=1):
            row = rows[0]
            if reason := _hopeless(row, bundle_id):
                _close(session, row, reason, worker)
                session.flush()
                continue
            if row.classification.bundle_id != bundle_id:
                return None
            token = str(uuid.uuid4())
            HEAT_MAPS.take(row, token=token, ends_at=now + timedelta(seconds=lease_s))
            image = row.classification.instance
            return ClaimedHeatMaps(token, worker, image.sha256, image.calling_ae_title)
    return None


def record_heat_maps(
    database: Database,
    held: ClaimedHeatMaps,
    found: Sequence[HeatMap] | NotMade,
    backoff: Backoff,
) -> None:
    """Write what became of the claim, where it still holds. Raises DatabaseUnavailableError."""
    with database.write() as session:
        for row in HEAT_MAPS.still_held(session, held.token):
            if not isinstance(found, NotMade):
                _write_made(session, row, found, held.worker)
            elif _may_be_tried_again(row, found):
                wait_s = backoff.wait_s(row.attempts)
                HEAT_MAPS.give_back(row, not_before=shared_now(session) + timedelta(seconds=wait_s))
            else:
                reason = NoHeatMap.IMAGE_REMOVED if _is_removed(row) else found
                _close(session, row, reason, held.worker)
            return
        log.warning("lease_lost", heat_maps=True)


def _hopeless(row: HeatMaps, bundle_id: int) -> NotMade | None:
    """Return why no worker can compute these any more, None where one can."""
    result = row.classification
    if row.attempts >= MAX_ATTEMPTS:
        return FailureReason.WORKER_LOST
    if _is_removed(row):
        return NoHeatMap.IMAGE_REMOVED
    active = result.bundle is not None and result.bundle.role == BundleRole.ACTIVE
    return None if active or result.bundle_id == bundle_id else NoHeatMap.OTHER_BUNDLE


def _may_be_tried_again(row: HeatMaps, reason: NotMade) -> bool:
    may = isinstance(reason, FailureReason) and FAILURE_POLICIES[reason].retry
    return may and row.attempts < MAX_ATTEMPTS and not _is_removed(row)


def _is_removed(row: HeatMaps) -> bool:
    return row.classification.instance.removing_since is not None


def _write_made(session: Session, row: HeatMaps, found: Sequence[HeatMap], worker: str) -> None:
    change_state(row, HeatMapState.MADE)
    row.maps = [one.as_dict() for one in found]
    row.made_at = shared_now(session)
    _finish(session, row, "heat_maps_made", worker)


def _close(session: Session, row: HeatMaps, reason: NotMade, worker: str) -> None:
    change_state(row, HeatMapState.FAILED)
    row.reason = reason
    _finish(session, row, "heat_maps_failed", worker, reason=reason.value)


def _finish(session: Session, row: HeatMaps, kind: str, worker: str, **detail: str) -> None:
    HEAT_MAPS.release(row)
    result = row.classification
    if result.bundle is not None:
        detail["bundle"] = f"{result.bundle.name} {result.bundle.version}"
    add_instance_event(session, result.instance, kind, worker=worker, **detail)
