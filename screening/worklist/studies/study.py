"""One study in detail: every image with its results, their reports, and where these were sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydicom.uid import UID
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from screening.db.calibrations import calibration_of
from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery, Event, Instance, Report
from screening.db.tables.views import instance_results
from screening.domain.eligibility import REASON_MEANINGS, Reason
from screening.domain.event_words import event_text
from screening.domain.failures import FAILURE_POLICIES, FailureReason
from screening.domain.lifecycle import BundleRole, ClassificationState
from screening.domain.scores import ClassScores, MemberScores


@dataclass(frozen=True, slots=True)
class DeliveryDetail:
    """One report for one destination."""

    destination: str
    state: str
    attempts: int
    status: str
    message: str
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReportDetail:
    """One report, written in one way."""

    profile: str
    sop_instance_uid: str
    made_at: datetime
    deliveries: tuple[DeliveryDetail, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One image's classification by one bundle.

    stands: this is the result that counts for the image. reason: in words, "" where none.
    calibration: the site's own that gave the priority, "" for the bundle's thresholds.
    grey_curve_sha256: of the site's grey-level curve that the image was scored with, "" without.
    recalibrated: the probabilities by it, in words, "" without. timings_s: seconds by step.
    image_statistics: by which drift is told, by name. render_path: how the pixels became a picture.
    """

    stands: bool
    state: str
    reason: str
    lane: str
    attempts: int
    bundle: str
    bundle_digest: str
    untrained: bool
    by_active_bundle: bool
    ensemble: ClassScores | None
    members: tuple[MemberScores, ...]
    priority: str
    rule: str
    calibration: str
    grey_curve_sha256: str
    recalibrated: str
    finished_at: datetime | None
    timings_s: Mapping[str, Any]
    image_statistics: Mapping[str, Any]
    render_path: Mapping[str, Any]
    report_state: str
    report_error: str
    reports: tuple[ReportDetail, ...]


@dataclass(frozen=True, slots=True)
class InstanceDetail:
    """One received image and its results, the current one first.

    in_spool: retention has not removed it.
    """

    sop_instance_uid: str
    sop_class: str
    transfer_syntax: str
    modality: str
    sha256: str
    size_bytes: int
    calling_ae_title: str
    received_at: datetime
    state: str
    in_spool: bool
    results: tuple[Result, ...]

    @property
    def is_scored(self) -> bool:
        """Whether the result that counts is a score, which heat-maps explain."""
        return any(result.stands and result.ensemble for result in self.results)


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event in words, of one image or, where None, of the study."""

    at: datetime
    sop_instance_uid: str | None
    text: str


def read_instances(database: Database, study_instance_uid: str) -> list[InstanceDetail]:
    """Return every image of a study in the order of arrival; empty for an unknown study.

    Raises DatabaseUnavailableError where the database is away.
    """
    statement = (
        select(Instance, instance_results.c.state, instance_results.c.classification_id)
        .join(instance_results, instance_results.c.instance_id == Instance.id)
        .where(Instance.study_instance_uid == study_instance_uid)
        .order_by(Instance.received_at, Instance.id)
    )
    with database.read() as session:
        rows = session.execute(statement).all()
        return [_instance(session, row, state, standing) for row, state, standing in rows]


def read_history(database: Database, study_instance_uid: str) -> list[HistoryLine]:
    """Return the study's part of the audit trail, earliest first.

    Raises DatabaseUnavailableError where the database is away.
    """
    statement = (
        select(Event)
        .where(Event.study_instance_uid == study_instance_uid)
        .order_by(Event.at, Event.id)
    )
    with database.read() as session:
        return [
            HistoryLine(event.at, event.sop_instance_uid, event_text(event.kind, event.detail))
            for event in session.scalars(statement)
        ]


def reason_in_words(reason: str | None, detail: str | None) -> str:
    """Return a coded reason in words, followed by what was found; "" where there is none."""
    if not reason:
        return ""
    if reason in set(Reason):
        meaning = REASON_MEANINGS[Reason(reason)]
    elif reason in set(FailureReason):
        meaning = FAILURE_POLICIES[FailureReason(reason)].meaning
    else:
        meaning = reason.replace("_", " ")
    return f"{meaning} ({detail})" if detail else meaning


def _instance(session: Session, row: Instance, state: str, standing: int | None) -> InstanceDetail:
    rows = session.scalars(
        select(Classification)
        .where(Classification.instance_id == row.id)
        .options(joinedload(Classification.bundle))
        .order_by(Classification.id.desc())
    )
    results = [_result(session, found, stands=found.id == standing) for found in rows]
    return InstanceDetail(
        sop_instance_uid=row.sop_instance_uid,
        sop_class=UID(row.sop_class_uid).name,
        transfer_syntax=UID(row.transfer_syntax_uid).name,
        modality=row.modality,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        calling_ae_title=row.calling_ae_title,
        received_at=row.received_at,
        state=state,
        in_spool=row.removing_since is None,
        results=tuple(sorted(results, key=lambda result: not result.stands)),
    )


def _result(session: Session, row: Classification, *, stands: bool) -> Result:
    bundle, scores, calibration = row.bundle, _ensemble(row), calibration_of(session, row)
    return Result(
        stands=stands,
        state=row.state,
        reason=reason_in_words(row.reason, row.detail),
        lane=row.lane,
        attempts=row.attempts,
        bundle=f"{bundle.name} {bundle.version}" if bundle else "",
        bundle_digest=bundle.digest if bundle else "",
        untrained=bundle is not None and not bundle.trained,
        by_active_bundle=bundle is not None and bundle.role == BundleRole.ACTIVE,
        ensemble=scores,
        members=tuple(
            MemberScores(name, said["raw"], ClassScores(**said["calibrated"]))
            for name, said in (row.member_scores or {}).items()
        ),
        priority=row.priority or "",
        rule=row.priority_rule or "",
        calibration=calibration.title if calibration else "",
        grey_curve_sha256=row.grey_curve_sha256 or "",
        recalibrated=(
            calibration.calibration.recalibrated_in_words(scores) if calibration and scores else ""
        ),
        finished_at=row.finished_at,
        timings_s=row.timings or {},
        image_statistics=row.image_statistics or {},
        render_path=row.render_path or {},
        report_state=row.report_state,
        report_error=row.report_error or "",
        reports=_reports(session, row.id),
    )


def _ensemble(row: Classification) -> ClassScores | None:
    if row.state != ClassificationState.CLASSIFIED:
        return None
    return ClassScores(row.covid19 or 0.0, row.pneumonia or 0.0, row.normal or 0.0)


def _reports(session: Session, classification_id: int) -> tuple[ReportDetail, ...]:
    columns = (Report.id, Report.profile, Report.sop_instance_uid, Report.made_at)
    rows = session.execute(
        select(*columns).where(Report.classification_id == classification_id).order_by(Report.id)
    )
    return tuple(
        ReportDetail(row.profile, row.sop_instance_uid, row.made_at, _deliveries(session, row.id))
        for row in rows
    )


def _deliveries(session: Session, report_id: int) -> tuple[DeliveryDetail, ...]:
    rows = session.scalars(
        select(Delivery).where(Delivery.report_id == report_id).order_by(Delivery.destination)
    )
    return tuple(
        DeliveryDetail(
            destination=row.destination,
            state=row.state,
            attempts=row.attempts,
            status=row.last_status or "",
            message=row.last_message or "",
            delivered_at=row.delivered_at,
        )
        for row in rows
    )
