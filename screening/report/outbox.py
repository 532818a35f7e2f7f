"""Make the reports of finished classifications, once, with a delivery row for each destination.

Making is deterministic, so two workers that make the same report make the same bytes; the unique
constraint keeps one. The bytes are stored and these are sent, however often (dicom.md: a peer
answers Success to the same UID with other bytes and keeps either).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.clock import shared_now, utc_now
from screening.db.events import add_instance_event
from screening.db.heat_maps import ask_for_picture
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.instances import Classification, Delivery, Report
from screening.delivery.content import ReportDocument, in_zone
from screening.delivery.rendering import RENDERINGS
from screening.delivery.routing import EVERY_RESULT_EVERYWHERE, Chosen, ResultFacts, Routing
from screening.domain.backoff import BACKOFFS, Retried
from screening.domain.failures import MAX_ATTEMPTS
from screening.domain.lifecycle import Lane, ReportState
from screening.errors import DatabaseUnavailableError, ScreeningError
from screening.logs import get_logger
from screening.report.due_report import (
    DueReport,
    Predecessor,
    detach,
    heat_maps_of_due,
    newest_reports,
    source_of,
    triage_of,
)
from screening.report.routes import routed_result
from screening.spool.store import Spool
from screening.work.queues import REPORTS

REPORTS_AT_ONCE = 16
log = get_logger()


def anything_due(database: Database) -> bool:
    """Return whether any report is to be made now."""
    with database.read() as session:
        return REPORTS.is_due(session, shared_now(session))


def make_due_reports(
    database: Database,
    spool: Spool,
    destinations: Mapping[str, str],
    zone: tzinfo | None = None,
    routing: Routing = EVERY_RESULT_EVERYWHERE,
) -> int:
    """Make the reports of up to REPORTS_AT_ONCE classifications; return how many were due.

    Those of live images first, so that what is issued again in great number delays none.
    destinations: rendering by name; each that the routing chooses gets one delivery row a report.
    zone: of the site, for the reports' dates; None: the machine's.
    Raises DatabaseUnavailableError.
    """
    with database.read() as session:
        due = REPORTS.due(session, shared_now(session), limit=REPORTS_AT_ONCE)
        ids = [row.id for row in due]
    for classification_id in ids:
        try:
            _make(database, spool, classification_id, destinations, zone=zone, routing=routing)
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  one report's fault must not hold up the others
            _record_failure(database, classification_id, error)
    return len(ids)


def _make(
    database: Database,
    spool: Spool,
    classification_id: int,
    destinations: Mapping[str, str],
    *,
    zone: tzinfo | None,
    routing: Routing,
) -> None:
    with database.read() as session:
        due = detach(session, session.get_one(Classification, classification_id))
        chosen = chosen_destinations(session, classification_id, destinations, routing)
    wanted = {name: destinations[name] for name in chosen.reasons}
    destinations = without_heat_maps(wanted)
    documents = build(due, spool, set(destinations.values()), zone)
    with database.write() as session:
        row = session.get_one(Classification, classification_id, with_for_update=True)
        if _is_as_it_was(session, row, due):
            if routing.routes:
                add_instance_event(session, row.instance, "result_routed", to=dict(chosen.reasons))
            record_made(session, row, due, documents, destinations)
            change_state(row, ReportState.MADE)
            row.report_error = None
            if wanted.keys() != destinations.keys():
                ask_for_picture(session, row)


def without_heat_maps(destinations: Mapping[str, str]) -> dict[str, str]:
    """Return those destinations whose rendering needs no heat-maps: nothing waits for these."""
    return {
        name: profile
        for name, profile in destinations.items()
        if not RENDERINGS.named(profile).needs_heat_maps
    }


def chosen_destinations(
    session: Session, classification_id: int, destinations: Mapping[str, str], routing: Routing
) -> Chosen:
    """Return the destinations that the routing chooses for one result with a score."""
    if not routing.routes:
        return routing.choose(ResultFacts(), destinations)
    result = routed_result(session, classification_id)
    return routing.choose(result.facts, destinations, result.holders)


def make_late_report(
    database: Database,
    spool: Spool,
    classification_id: int,
    *,
    name: str,
    profile: str,
    zone: tzinfo | None,
) -> bool:
    """Make one more report of a reported result, in another profile, for one destination.

    Returns whether it was made now; one that is there already stays as it is.
    Raises ReportNotPossibleError, OSError where the image cannot be read, DatabaseUnavailableError.
    """
    with database.read() as session:
        due = detach(session, session.get_one(Classification, classification_id))
    documents = build(due, spool, {profile}, zone)
    with database.write() as session:
        row = session.get_one(Classification, classification_id, with_for_update=True)
        there = select(Report.id).filter_by(
            classification_id=row.id, profile=profile, revision=row.report_revision
        )
        is_reported = row.report_state == ReportState.MADE and row.stands_since is not None
        if not is_reported or session.scalars(there).first() is not None:
            return False
        row.report_lane = Lane.BACKFILL  # late ones delay none of today's
        record_made(session, row, due, documents, {name: profile})
        return True


def build(
    due: DueReport, spool: Spool, profiles: set[str], zone: tzinfo | None
) -> dict[str, ReportDocument]:
    """Render the structured reports first: what else is made of the result names them.

    Raises ReportNotPossibleError where heat-maps are needed and are not there.
    """
    source = source_of(due, spool)
    documents: dict[str, ReportDocument] = {}
    companions = list(due.companions)
    renderings = [RENDERINGS.named(profile) for profile in sorted(profiles)]
    for rendering in sorted(renderings, key=lambda one: not one.sop_class_uid):
        earlier = due.predecessors.get(rendering.name)
        content = replace(
            due.content,
            predecessors=(earlier.reference,) if earlier else (),
            companions=() if rendering.sop_class_uid else tuple(companions),
            heat_maps=heat_maps_of_due(due, spool) if rendering.needs_heat_maps else None,
        )
        document = rendering.render(source, in_zone(content, zone))
        documents[rendering.name] = document
        if rendering.sop_class_uid:
            companions.append(document.reference)
    return documents


def _is_as_it_was(session: Session, row: Classification, due: DueReport) -> bool:
    """Return whether the result still is to be reported, and after the same reports as before.

    Another result may have come to stand meanwhile, and even been reported, or a calibration have
    given it another priority.
    """
    return (
        row.report_state == ReportState.DUE
        and row.report_revision == due.content.revision
        and triage_of(row) == due.content.triage
        and newest_reports(session, row) == due.predecessors
    )


def record_made(
    session: Session,
    row: Classification,
    due: DueReport,
    documents: Mapping[str, ReportDocument],
    destinations: Mapping[str, str],
) -> None:
    """Store the documents, with a delivery for each of these destinations."""
    now = utc_now()
    for profile, document in documents.items():
        earlier = due.predecessors.get(profile)
        report = _new_report(row, profile, document, earlier, now)
        session.add(report)
        session.flush()
        session.add_all(
            Delivery(report_id=report.id, destination=name, lane=row.report_lane, created_at=now)
            for name, wanted in destinations.items()
            if wanted == profile
        )
        add_instance_event(
            session,
            row.instance,
            "report_made",
            profile=profile,
            report_sop_instance_uid=report.sop_instance_uid,
            sha256=report.sha256,
        )


def _new_report(
    row: Classification,
    profile: str,
    document: ReportDocument,
    earlier: Predecessor | None,
    now: datetime,
) -> Report:
    return Report(
        classification_id=row.id,
        profile=profile,
        revision=row.report_revision,
        sop_instance_uid=document.sop_instance_uid,
        sop_class_uid=document.sop_class_uid,
        series_instance_uid=document.series_instance_uid,
        predecessor_id=earlier.report_id if earlier else None,
        content=document.encoded,
        sha256=hashlib.sha256(document.encoded).hexdigest(),
        made_at=now,
    )


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
        if row.report_state != ReportState.DUE:
            return  # its result stands no more
        row.report_attempts += 1
        row.report_error = reason[:255]
        if row.report_attempts >= MAX_ATTEMPTS:
            change_state(row, ReportState.FAILED)
            add_instance_event(session, row.instance, "report_failed", reason=row.report_error)
        else:
            wait_s = BACKOFFS[Retried.REPORT].wait_s(row.report_attempts)
            row.report_not_before = shared_now(session) + timedelta(seconds=wait_s)
