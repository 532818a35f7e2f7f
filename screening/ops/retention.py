"""Remove images from the spool when nothing needs them any more; rows and results remain.

In two phases, so that a crash leaves neither a row that claims a file nor a loss nobody recorded:
first the row is marked, and claims no file from then on; then, under the row's lock, the file is
removed and the row says when. What a crash left marked is finished by the next run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from screening.db.clock import utc_now
from screening.db.events import add_instance_event
from screening.db.session import Database
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.decisions import Correction
from screening.db.tables.heat_maps import HeatMaps
from screening.db.tables.instances import Classification, Delivery, Instance, Report
from screening.domain.failures import FAILURE_POLICIES
from screening.domain.lifecycle import (
    UNDELIVERED,
    ClassificationState,
    CorrectionState,
    DeliveryState,
    ReportCommitmentState,
    ReportState,
)
from screening.spool.store import Spool

ROWS_A_TRANSACTION = 100
UNDER_WAY = (ClassificationState.RECEIVED, ClassificationState.CLAIMED)
_OTHER = aliased(Instance)
_OBJECT_AT_FAULT = [reason for reason, how in FAILURE_POLICIES.items() if how.object_at_fault]


class KeptFor(StrEnum):
    """Why retention keeps an image that is old enough."""

    CLASSIFICATION = "waits for its classification"
    FAILURE = "its classification failed and may be repeated"
    REPORT = "a report of it is not made"
    HEAT_MAP = "a picture of its heat-maps is not made"
    DELIVERY = "a report of it is not delivered"
    COMMITMENT = "a destination has not confirmed a report of it"
    CORRECTION = "a correction of it waits for a decision"
    COMPARISON = "another object with its SOP Instance UID is to be compared with it"


@dataclass(frozen=True, slots=True)
class Removal:
    """What a run removes or would remove, in images and bytes, and why it keeps other old ones.

    unfinished: images that an earlier run had marked and not removed, part of `images`; stuck:
    images whose file could not be removed, left to the next run, and trouble the last reason.
    """

    images: int
    size_bytes: int
    unfinished: int
    kept: Mapping[str, int] = field(default_factory=dict)
    stuck: int = 0
    trouble: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "images": self.images,
            "size_bytes": self.size_bytes,
            "unfinished": self.unfinished,
            "kept": dict(self.kept),
            "stuck": self.stuck,
            "trouble": self.trouble,
        }


def plan_removal(
    database: Database, *, received_before: datetime, committing: Sequence[str]
) -> Removal:
    """Count what a run would remove.

    received_before: aware; committing: names of the destinations that must have confirmed every
    report. Raises DatabaseUnavailableError.
    """
    old = _old(received_before)
    with database.read() as session:
        images, size_bytes = _totals(session, and_(old, *_done(committing)))
        unfinished, left_bytes = _totals(session, _unfinished())
        why = select(_why_kept(committing).label("why")).where(old).subquery()
        rows = select(why.c.why, func.count()).where(why.c.why.is_not(None)).group_by(why.c.why)
        kept = {str(reason): int(count) for reason, count in session.execute(rows)}
    return Removal(images + unfinished, size_bytes + left_bytes, unfinished, kept)


def remove_images(
    database: Database, spool: Spool, *, received_before: datetime, committing: Sequence[str]
) -> Removal:
    """Remove what `plan_removal` counts; may be interrupted and repeated.

    A file that cannot be removed is left to the next run, and counted.
    Raises DatabaseUnavailableError.
    """
    tally = _Tally()
    with database.read() as session:
        left = session.scalars(select(Instance.id).where(_unfinished())).all()
    for instance_id in left:
        _remove(database, spool, instance_id, tally)
    finished = tally.images
    criterion = and_(_old(received_before), *_done(committing))
    while ids := _mark(database, criterion):
        for instance_id in ids:
            _remove(database, spool, instance_id, tally)
    return Removal(
        images=tally.images,
        size_bytes=tally.size_bytes,
        unfinished=finished,
        stuck=tally.stuck,
        trouble=tally.trouble,
    )


@dataclass(slots=True)
class _Tally:
    """What a run has done so far."""

    images: int = 0
    size_bytes: int = 0
    stuck: int = 0
    trouble: str = ""


def _old(received_before: datetime) -> ColumnElement[bool]:
    """Select images in the spool that are old enough."""
    since = func.coalesce(Instance.kept_since, Instance.received_at)
    return and_(Instance.removing_since.is_(None), since < received_before)


def _unfinished() -> ColumnElement[bool]:
    return and_(Instance.removing_since.is_not(None), Instance.removed_at.is_(None))


def _hindrances(committing: Sequence[str]) -> dict[KeptFor, ColumnElement[bool]]:
    """Return the reasons to keep an image, the first one first. An image without any may go."""
    one = aliased(Classification)
    its = exists().where(one.instance_id == Instance.id).correlate(Instance)
    finished = [ClassificationState.CLASSIFIED, ClassificationState.NOT_APPLICABLE]
    of_object = and_(one.state == ClassificationState.FAILED, one.reason.in_(_OBJECT_AT_FAULT))
    has_result = its.where(or_(one.state.in_(finished), of_object))
    return {
        KeptFor.CLASSIFICATION: or_(
            its.where(one.state.in_(UNDER_WAY)),
            ~its,
        ),
        KeptFor.FAILURE: ~has_result,
        KeptFor.REPORT: its.where(one.report_state.in_([ReportState.DUE, ReportState.FAILED])),
        KeptFor.HEAT_MAP: its.where(
            HeatMaps.classification_id == one.id, HeatMaps.report_state == ReportState.DUE
        ),
        KeptFor.DELIVERY: _has_delivery(Delivery.state.in_(UNDELIVERED)),
        KeptFor.COMMITMENT: _has_delivery(
            Delivery.state == DeliveryState.DELIVERED,
            Delivery.destination.in_(committing),
            ~exists().where(
                ReportCommitment.delivery_id == Delivery.id,
                ReportCommitment.state == ReportCommitmentState.COMMITTED,
            ),
        ),
        KeptFor.CORRECTION: _has_other(
            _OTHER.id == Correction.instance_id, Correction.state == CorrectionState.WAITING
        ),
        KeptFor.COMPARISON: _has_other(
            _OTHER.id == one.instance_id, _OTHER.conflicting.is_(True), one.state.in_(UNDER_WAY)
        ),
    }


def _has_other(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Select images whose SOP Instance UID has an object, which may be the image itself."""
    return (
        exists()
        .where(_OTHER.sop_instance_uid == Instance.sop_instance_uid, *which)
        .correlate(Instance)
    )


def _has_delivery(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    one = aliased(Classification)
    return (
        exists()
        .where(one.instance_id == Instance.id, Report.classification_id == one.id)
        .where(Delivery.report_id == Report.id, *which)
        .correlate(Instance)
    )


def _done(committing: Sequence[str]) -> list[ColumnElement[bool]]:
    return [~hindrance for hindrance in _hindrances(committing).values()]


def _why_kept(committing: Sequence[str]) -> ColumnElement[str | None]:
    whens = [(hindrance, why.value) for why, hindrance in _hindrances(committing).items()]
    return case(*whens, else_=None)


def _totals(session: Session, which: ColumnElement[bool]) -> tuple[int, int]:
    size = func.coalesce(func.sum(Instance.size_bytes), 0)
    count, size_bytes = session.execute(select(func.count(), size).where(which)).one()
    return int(count), int(size_bytes)


def _mark(database: Database, criterion: ColumnElement[bool]) -> list[int]:
    """Mark some finished images; return their ids. From here on their rows name no file.

    They are locked before they are judged: what came in between counts.
    """
    candidates = select(Instance.id).where(criterion).order_by(Instance.id)
    with database.write() as session:
        ids = session.scalars(
            candidates.limit(ROWS_A_TRANSACTION).with_for_update(skip_locked=True)
        ).all()
        still = select(Instance).where(Instance.id.in_(ids), criterion)
        rows = session.scalars(still).all()
        for row in rows:
            row.removing_since = utc_now()
            add_instance_event(session, row, "instance_removal_begun", size_bytes=row.size_bytes)
        return [row.id for row in rows]


def _remove(database: Database, spool: Spool, instance_id: int, tally: _Tally) -> None:
    """Remove one marked image's file under its row's lock."""
    with database.write() as session:
        row = session.get_one(Instance, instance_id, with_for_update=True)
        if row.removing_since is None or row.removed_at is not None:
            return  # received again, or another run was here
        try:
            spool.remove(row.sha256)
        except OSError as error:
            tally.stuck += 1
            tally.trouble = f"expected to remove a file of the spool: {error.strerror}"
            return
        row.removed_at = utc_now()
        add_instance_event(session, row, "instance_removed", size_bytes=row.size_bytes)
        size_bytes = row.size_bytes
    tally.images += 1
    tally.size_bytes += size_bytes
