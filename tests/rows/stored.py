"""Rows as the stations leave them, for tests of what reads them."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.standing_results import FINISHED
from screening.db.tables.instances import Bundle, Classification, Delivery, Event, Instance, Report
from screening.domain.lifecycle import ClassificationState

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
PATIENT_NAME = "Doe^Jane"
_numbers = itertools.count(1)


def add_bundle(
    session: Session,
    *,
    name: str = "first",
    trained: bool = True,
    role: str = "active",
    manifest: dict[str, Any] | None = None,
) -> Bundle:
    """Add a bundle."""
    row = Bundle(
        name=name,
        version="1",
        digest=_digest(f"bundle {name}"),
        trained=trained,
        role=role,
        registered_at=NOON,
        manifest=manifest or {},
    )
    session.add(row)
    session.flush()
    return row


def add_instance(
    session: Session, study: str, *, received_at: datetime = NOON, **columns: Any
) -> Instance:
    """Add one received image of a study, with no classification yet."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "sop_instance_uid": f"{study}.1.{number}",
        "sop_class_uid": COMPUTED_RADIOGRAPHY,
        "study_instance_uid": study,
        "series_instance_uid": f"{study}.1",
        "transfer_syntax_uid": EXPLICIT_LITTLE_ENDIAN,
        "sha256": _digest(f"object {number}"),
        "conflicting": False,
        "size_bytes": 4_000_000,
        "modality": "CR",
        "calling_ae_title": "CR_ROOM_1",
        "received_at": received_at,
        "patient_id": f"P{number:05}",
        "patient_name": PATIENT_NAME,
        "patient_birth_date": "19800214",
        "patient_sex": "F",
        "patient_age": "046Y",
        "accession_number": f"A{number:06}",
        "study_date": "20260301",
        "study_time": "114500",
        "study_description": "Thorax pa",
    }
    row = Instance(**{**values, **columns})
    session.add(row)
    session.flush()
    return row


def add_classification(session: Session, instance: Instance, **columns: Any) -> Classification:
    """Add one classification of an image; received, unless `columns` say otherwise.

    A result stands where the one before it told no more, unless `columns` say otherwise.
    """
    values = {"state": "received", "lane": "live", "created_at": instance.received_at}
    if columns.get("state") in {"classified", "not_applicable", "failed"}:
        values |= {"finished_at": instance.received_at + timedelta(seconds=4), "attempts": 1}
    row = Classification(instance_id=instance.id, **{**values, **columns})
    if row.state in FINISHED and "stands_since" not in columns:
        _let_stand(session, row)
    session.add(row)
    session.flush()
    return row


def _let_stand(session: Session, row: Classification) -> None:
    before = session.scalar(
        select(Classification).where(
            Classification.instance_id == row.instance_id, Classification.stands_since.is_not(None)
        )
    )
    if before is not None:
        if FINISHED.index(ClassificationState(before.state)) < FINISHED.index(
            ClassificationState(row.state)
        ):
            return
        before.stands_since = None
        session.flush()
    row.stands_since = row.finished_at


def add_score(
    session: Session,
    instance: Instance,
    bundle: Bundle,
    *,
    priority: str,
    covid19: float,
    pneumonia: float = 0.0,
    **columns: Any,
) -> Classification:
    """Add a classified result, its report due."""
    normal = 1.0 - covid19 - pneumonia
    scores = {"covid19": covid19, "pneumonia": pneumonia, "normal": normal}
    four = {
        "normal": normal,
        "bacterial_pneumonia": pneumonia / 3,
        "viral_pneumonia": 2 * pneumonia / 3,
        "covid19": covid19,
    }
    values = {
        **scores,
        "state": "classified",
        "bundle_id": bundle.id,
        "priority": priority,
        "priority_rule": "COVID-19 probability at least 50 %",
        "priority_score": covid19,
        "member_scores": {
            "concatenated": {"raw": scores, "calibrated": scores},
            "coronet": {"raw": four, "calibrated": scores},
        },
        "pixel_sha256": _digest("pixels"),
        "render_path": {"voi": "window", "inverted": True, "tolerated": ["high_bit", "lut_count"]},
        "timings": {"decode_s": 0.031, "score_s": 0.142},
        "report_state": "due",
    }
    return add_classification(session, instance, **{**values, **columns})


def add_report(
    session: Session, classification: Classification, *, content: bytes = b"", **states: str
) -> tuple[Report, list[Delivery]]:
    """Add the report of a result, and one delivery for each destination=state."""
    finished_at = classification.finished_at or NOON
    report = Report(
        classification_id=classification.id,
        profile="comprehensive",
        sop_instance_uid=f"2.25.{next(_numbers)}",
        sop_class_uid=COMPREHENSIVE_SR,
        series_instance_uid="2.25.9001",
        content=content,
        sha256=_digest("report"),
        made_at=finished_at + timedelta(seconds=1),
    )
    classification.report_state = "made"
    session.add(report)
    session.flush()
    deliveries = [
        Delivery(
            report_id=report.id,
            destination=destination,
            state=state,
            attempts=0 if state == "pending" else 1,
            created_at=report.made_at,
            delivered_at=report.made_at + timedelta(seconds=1) if state == "delivered" else None,
            last_status={"delivered": "0x0000", "parked": "0xA900"}.get(state),
        )
        for destination, state in states.items()
    ]
    session.add_all(deliveries)
    session.flush()
    return report, deliveries


def add_event(
    session: Session, instance: Instance, kind: str, *, at: datetime, **detail: Any
) -> None:
    """Add one line of the audit trail."""
    session.add(
        Event(
            at=at,
            kind=kind,
            study_instance_uid=instance.study_instance_uid,
            sop_instance_uid=instance.sop_instance_uid,
            detail=detail,
        )
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
