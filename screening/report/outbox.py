"""Make the reports of finished classifications, once, with a delivery row for each destination.

Making is deterministic, so two workers that make the same report make the same bytes; the unique
constraint keeps one. The bytes are stored and these are sent, however often (dicom.md: a peer
answers Success to the same UID with other bytes and keeps either).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from screening.bundles.manifest import Manifest, Member
from screening.db.clock import shared_now, utc_now
from screening.db.due_rows import is_any, oldest_of, stands_at
from screening.db.events import add_instance_event
from screening.db.session import Database
from screening.db.tables import Bundle, Classification, Delivery, Report
from screening.domain.lifecycle import MAX_ATTEMPTS, ReportState, backoff_s
from screening.domain.scores import ClassScores, EnsembleScores, MemberScores
from screening.domain.triage import Priority, Triage
from screening.errors import (
    DatabaseUnavailableError,
    ReportNotPossibleError,
    ScreeningError,
)
from screening.logs import get_logger
from screening.report.codes import Profile
from screening.report.content import (
    BundleIdentity,
    MemberIdentity,
    ReportContent,
    ReportReference,
    in_zone,
)
from screening.report.document import ReportDocument, build_report
from screening.report.series import series_started_at
from screening.report.source import read_source
from screening.spool.store import Spool

FIRST_RETRY_S = 10
LONGEST_RETRY_S = 300
REPORTS_AT_ONCE = 16
log = get_logger()


@dataclass(frozen=True, slots=True)
class _Due:
    """What the reports of one classification need, detached from the session."""

    sha256: str
    content: ReportContent
    predecessors: Mapping[Profile, "_Predecessor"]


@dataclass(frozen=True, slots=True)
class _Predecessor:
    report_id: int
    reference: ReportReference


def anything_due(database: Database) -> bool:
    """Return whether any report is to be made now."""
    with database.read() as session:
        return is_any(session, _sources(shared_now(session)))


def _sources(now: datetime) -> list[Select[Classification]]:
    """Select the rows whose reports never waited, and those whose wait is over."""
    row = Classification
    due = select(row).where(stands_at(row.report_state, ReportState.DUE))
    rested = due.where(row.report_not_before.is_not(None), row.report_not_before <= now)
    return [
        due.where(row.report_not_before.is_(None)).order_by(row.id),
        rested.order_by(row.report_not_before),
    ]


def make_due_reports(
    database: Database,
    spool: Spool,
    destinations: Mapping[str, Profile],
    zone: tzinfo | None = None,
) -> int:
    """Make the reports of up to REPORTS_AT_ONCE classifications; return how many were due.

    In the order of the classifications, so that a report's predecessor is there before it.
    destinations: SR profile by name; each gets one delivery row a report. zone: of the site, for
    the reports' dates; None: the machine's.
    Raises DatabaseUnavailableError.
    """
    with database.read() as session:
        due = oldest_of(session, _sources(shared_now(session)), REPORTS_AT_ONCE)
        ids = [row.id for row in due]
    for classification_id in ids:
        try:
            _make(database, spool, classification_id, destinations, zone)
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  one report's fault must not hold up the others
            _record_failure(database, classification_id, error)
    return len(ids)


def _make(
    database: Database,
    spool: Spool,
    classification_id: int,
    destinations: Mapping[str, Profile],
    zone: tzinfo | None,
) -> None:
    with database.read() as session:
        due = _detach(session, session.get_one(Classification, classification_id))
    documents = _build(due, spool, set(destinations.values()), zone)
    with database.write() as session:
        row = session.get_one(Classification, classification_id, with_for_update=True)
        if row.report_state == ReportState.DUE:
            _record_made(session, row, due, documents, destinations)


def _build(
    due: _Due, spool: Spool, profiles: set[Profile], zone: tzinfo | None
) -> dict[Profile, ReportDocument]:
    source = read_source(spool.path_of(due.sha256))
    documents = {}
    for profile in sorted(profiles):
        earlier = due.predecessors.get(profile)
        predecessors = (earlier.reference,) if earlier else ()
        content = replace(due.content, predecessors=predecessors)
        documents[profile] = build_report(source, in_zone(content, zone), profile)
    return documents


def _record_made(
    session: Session,
    row: Classification,
    due: _Due,
    documents: Mapping[Profile, ReportDocument],
    destinations: Mapping[str, Profile],
) -> None:
    now = utc_now()
    for profile, document in documents.items():
        earlier = due.predecessors.get(profile)
        report = Report(
            classification_id=row.id,
            profile=profile,
            sop_instance_uid=document.sop_instance_uid,
            sop_class_uid=document.sop_class_uid,
            series_instance_uid=document.series_instance_uid,
            predecessor_id=earlier.report_id if earlier else None,
            content=document.encoded,
            sha256=hashlib.sha256(document.encoded).hexdigest(),
            made_at=now,
        )
        session.add(report)
        session.flush()
        session.add_all(
            Delivery(report_id=report.id, destination=name, created_at=now)
            for name, wanted in destinations.items()
            if wanted is profile
        )
        add_instance_event(
            session,
            row.instance,
            "report_made",
            profile=profile.value,
            report_sop_instance_uid=report.sop_instance_uid,
            sha256=report.sha256,
        )
    row.report_state = ReportState.MADE
    row.report_error = None


def _record_failure(database: Database, classification_id: int, error: Exception) -> None:
    """Count the attempt; the last one leaves the reports unmade, with the reason on the row."""
    reason = str(error) if isinstance(error, ScreeningError) else type(error).__name__
    log.warning(
        "report_not_made",
        classification_id=classification_id,
        reason=reason,
        exc_info=None if isinstance(error, ScreeningError) else error,
    )
    with database.write() as session:
        row = session.get_one(Classification, classification_id, with_for_update=True)
        row.report_attempts += 1
        row.report_error = reason[:255]
        if row.report_attempts >= MAX_ATTEMPTS:
            row.report_state = ReportState.FAILED
            add_instance_event(session, row.instance, "report_failed", reason=row.report_error)
        else:
            wait_s = backoff_s(
                row.report_attempts, first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S
            )
            row.report_not_before = shared_now(session) + timedelta(seconds=wait_s)


def _detach(session: Session, row: Classification) -> _Due:
    if row.bundle is None or row.finished_at is None or row.priority is None:
        raise ReportNotPossibleError("expected a classified row, found one without a result")
    return _Due(
        sha256=row.instance.sha256,
        content=ReportContent(
            scores=_scores(row),
            triage=Triage(
                Priority(row.priority), row.priority_rule or "", row.priority_score or 0.0
            ),
            bundle=_identity(row.bundle),
            classified_at=row.finished_at,
            series_started_at=series_started_at(session, row),
        ),
        predecessors=_predecessors(session, row),
    )


def _scores(row: Classification) -> EnsembleScores:
    return EnsembleScores(
        ensemble=ClassScores(row.covid19 or 0.0, row.pneumonia or 0.0, row.normal or 0.0),
        members=tuple(
            MemberScores(name, said["raw"], ClassScores(**said["calibrated"]))
            for name, said in (row.member_scores or {}).items()
        ),
    )


def _identity(bundle: Bundle) -> BundleIdentity:
    manifest = Manifest.model_validate_json(json.dumps(bundle.manifest))
    return BundleIdentity(
        name=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        trained=bundle.trained,
        members=tuple(_member(member) for member in manifest.members),
    )


def _member(member: Member) -> MemberIdentity:
    return MemberIdentity(
        name=member.name,
        architecture=member.architecture,
        weights_sha256=member.weights_sha256,
        input_height=member.input.height,
        input_width=member.input.width,
        weight=member.weight,
    )


def _predecessors(session: Session, row: Classification) -> dict[Profile, _Predecessor]:
    earlier = session.scalars(
        select(Report)
        .join(Classification, Report.classification_id == Classification.id)
        .where(
            Classification.instance_id == row.instance_id,
            Classification.id != row.id,
            Classification.finished_at < row.finished_at,
        )
        .order_by(Classification.finished_at)
    )
    return {
        Profile(report.profile): _Predecessor(
            report.id,
            ReportReference(
                sop_class_uid=report.sop_class_uid,
                sop_instance_uid=report.sop_instance_uid,
                study_instance_uid=row.instance.study_instance_uid,
                series_instance_uid=report.series_instance_uid,
            ),
        )
        for report in earlier
    }
