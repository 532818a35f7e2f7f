"""The audit trail: add one event within a transaction."""

from typing import Any

from sqlalchemy.orm import Session

from screening.db.clock import utc_now
from screening.db.tables.instances import Delivery, Event, Instance


def add_event(
    session: Session,
    kind: str,
    *,
    study_instance_uid: str | None = None,
    sop_instance_uid: str | None = None,
    **detail: Any,
) -> None:
    """Add an event; `kind` in the past tense, `detail` without patient attributes."""
    values = event_values(
        kind, study_instance_uid=study_instance_uid, sop_instance_uid=sop_instance_uid, **detail
    )
    session.add(Event(**values))


def event_values(
    kind: str,
    *,
    study_instance_uid: str | None = None,
    sop_instance_uid: str | None = None,
    **detail: Any,
) -> dict[str, Any]:
    """Return an event's row, of now, by column name."""
    return {
        "at": utc_now(),
        "kind": kind,
        "study_instance_uid": study_instance_uid,
        "sop_instance_uid": sop_instance_uid,
        "detail": detail,
    }


def add_instance_event(session: Session, instance: Instance, kind: str, **detail: Any) -> None:
    """Add an event that belongs to one instance."""
    add_event(
        session,
        kind,
        study_instance_uid=instance.study_instance_uid,
        sop_instance_uid=instance.sop_instance_uid,
        **detail,
    )


def add_delivery_event(session: Session, delivery: Delivery, kind: str, **detail: Any) -> None:
    """Add an event of one report on its way to one destination."""
    report = delivery.report
    add_instance_event(
        session,
        report.classification.instance,
        kind,
        destination=delivery.destination,
        report_sop_instance_uid=report.sop_instance_uid,
        **detail,
    )
