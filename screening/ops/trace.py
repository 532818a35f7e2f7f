"""The trace: everything known about a study, an instance or one of our reports, by time.

The audit trail (`events`) tells most; the rows add what it cannot, such as work that still waits.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from screening.db.session import Database
from screening.db.tables.instances import (
    Association,
    Classification,
    Delivery,
    Event,
    Instance,
    Report,
)
from screening.domain.event_words import event_text
from screening.domain.lifecycle import ClassificationState, DeliveryState

_CLASSIFICATION_KINDS: Mapping[str, str] = {
    ClassificationState.RECEIVED: "classification_waiting",
    ClassificationState.CLAIMED: "classification_waiting",
    ClassificationState.CLASSIFIED: "instance_classified",
    ClassificationState.NOT_APPLICABLE: "instance_not_applicable",
    ClassificationState.FAILED: "classification_failed",
}
_DELIVERY_KINDS: Mapping[str, str] = {
    DeliveryState.PENDING: "delivery_waiting",
    DeliveryState.SENDING: "delivery_waiting",
    DeliveryState.DELIVERED: "delivery_delivered",
    DeliveryState.PARKED: "delivery_parked",
    DeliveryState.GIVEN_UP: "delivery_given_up",
}


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One thing that happened. at: aware, UTC; detail: as JSON, without patient attributes."""

    at: datetime
    kind: str
    sop_instance_uid: str | None
    text: str
    detail: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, the time in ISO 8601."""
        return {
            "at": self.at.isoformat(),
            "kind": self.kind,
            "sop_instance_uid": self.sop_instance_uid,
            "text": self.text,
            "detail": dict(self.detail),
        }


def trace(database: Database, uid: str) -> list[TraceLine]:
    """Return what happened to a study, a SOP instance or one of our reports, earliest first.

    uid: a Study Instance UID, or the SOP Instance UID of an image or of a report made here.
    Returns an empty list for an unknown UID.
    Raises DatabaseUnavailableError where the database is away.
    """
    with database.read() as session:
        instances = _instances(session, uid)
        told = [
            _line(event.at, event.kind, event.sop_instance_uid, event.detail)
            for event in _events(session, uid, instances)
        ]
        seen = {(line.kind, line.sop_instance_uid) for line in told}
        rest = [
            line
            for line in _lines_of_rows(session, instances, told)
            if (line.kind, line.sop_instance_uid) not in seen
        ]
    # the sort is stable: events of one moment stay in the order they were written
    return sorted(told + rest, key=lambda line: line.at)


def _line(at: datetime, kind: str, uid: str | None, detail: Mapping[str, Any]) -> TraceLine:
    return TraceLine(at, kind, uid, event_text(kind, detail), detail)


def _instances(session: Session, uid: str) -> list[Instance]:
    of_report = (
        select(Classification.instance_id)
        .join(Report, Report.classification_id == Classification.id)
        .where(Report.sop_instance_uid == uid)
    )
    statement = select(Instance).where(
        or_(
            Instance.study_instance_uid == uid,
            Instance.sop_instance_uid == uid,
            Instance.id.in_(session.scalars(of_report).all()),  # values: each has an index
        )
    )
    return list(session.scalars(statement.order_by(Instance.id)))


def _events(session: Session, uid: str, instances: Iterable[Instance]) -> Iterable[Event]:
    uids = {uid, *(instance.sop_instance_uid for instance in instances)}
    statement = select(Event).where(
        or_(Event.study_instance_uid == uid, Event.sop_instance_uid.in_(uids))
    )
    return session.scalars(statement.order_by(Event.at, Event.id))


def _lines_of_rows(
    session: Session, instances: list[Instance], told: list[TraceLine]
) -> Iterator[TraceLine]:
    association_ids = {instance.association_id for instance in instances}
    association_ids |= {line.detail.get("association_id") for line in told}
    yield from _association_lines(session, {key for key in association_ids if key})
    for instance in instances:
        yield _line(
            instance.received_at,
            "instance_received",
            instance.sop_instance_uid,
            {
                "calling_ae_title": instance.calling_ae_title,
                "association_id": instance.association_id,
                "size_bytes": instance.size_bytes,
                "sha256": instance.sha256,
            },
        )
    ids = [instance.id for instance in instances]
    yield from _classification_lines(session, ids)
    yield from _report_lines(session, ids)
    yield from _delivery_lines(session, ids)


def _association_lines(session: Session, ids: set[str]) -> Iterator[TraceLine]:
    for row in session.scalars(select(Association).where(Association.id.in_(ids))):
        peer = {"association_id": row.id, "calling_ae_title": row.calling_ae_title}
        yield _line(
            row.opened_at,
            "association_accepted",
            None,
            {**peer, "called_ae_title": row.called_ae_title, "peer_address": row.peer_address},
        )
        if row.closed_at is not None:
            counts = {"stored": row.stored, "repeated": row.repeated, "refused": row.refused}
            detail = {**peer, "outcome": row.outcome, **counts}
            yield _line(row.closed_at, "association_closed", None, detail)


def _classification_lines(session: Session, instance_ids: list[int]) -> Iterator[TraceLine]:
    statement = (
        select(Classification, Instance.sop_instance_uid)
        .join(Instance)
        .options(joinedload(Classification.bundle))
        .where(Classification.instance_id.in_(instance_ids))
    )
    for row, uid in session.execute(statement):
        detail = {
            "lane": row.lane,
            "attempts": row.attempts,
            "reason": row.reason,
            "priority": row.priority,
            "bundle": f"{row.bundle.name} {row.bundle.version}" if row.bundle else None,
        }
        kind = _CLASSIFICATION_KINDS[row.state]
        yield _line(row.finished_at or row.created_at, kind, uid, detail)


def _report_lines(session: Session, instance_ids: list[int]) -> Iterator[TraceLine]:
    statement = (
        select(Report, Instance.sop_instance_uid)
        .join(Classification, Classification.id == Report.classification_id)
        .join(Instance)
        .where(Classification.instance_id.in_(instance_ids))
    )
    for row, uid in session.execute(statement):
        detail = {
            "profile": row.profile,
            "report_sop_instance_uid": row.sop_instance_uid,
            "sha256": row.sha256,
        }
        yield _line(row.made_at, "report_made", uid, detail)


def _delivery_lines(session: Session, instance_ids: list[int]) -> Iterator[TraceLine]:
    statement = (
        select(Delivery, Instance.sop_instance_uid)
        .join(Report, Report.id == Delivery.report_id)
        .join(Classification, Classification.id == Report.classification_id)
        .join(Instance)
        .where(Classification.instance_id.in_(instance_ids))
    )
    for row, uid in session.execute(statement):
        detail = {
            "destination": row.destination,
            "attempts": row.attempts,
            "status": row.last_status,
            "message": row.last_message,
        }
        yield _line(row.delivered_at or row.created_at, _DELIVERY_KINDS[row.state], uid, detail)
