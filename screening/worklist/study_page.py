"""One study's page, and its reports as text."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from screening.db.clock import utc_now
from screening.db.corrections import read_corrections
from screening.domain.shown_values import is_uid
from screening.domain.viewer_link import viewer_address
from screening.worklist.access.access import visitor_of
from screening.worklist.pages import Pages, StudyPage
from screening.worklist.source import Source
from screening.worklist.studies.ordering import read_entry
from screening.worklist.studies.other_studies import read_other_studies
from screening.worklist.studies.report_text import read_report_text
from screening.worklist.studies.study import read_history, read_instances

UNKNOWN_STUDY = "No image of a study with this UID has been received, or it was removed."
UNKNOWN_REPORT = "This study has no report with this UID that can be shown as text."


def add_study(app: FastAPI, pages: Pages, source: Source) -> None:
    """Add the page of a study, and of each of its reports."""
    database = source.database

    @app.get("/studies/{study_instance_uid}", response_class=HTMLResponse)
    def study_page(request: Request, study_instance_uid: str) -> Response:
        # a text that is no UID may name a patient, and addresses end up in logs of proxies
        known = is_uid(study_instance_uid)
        entry = read_entry(database, study_instance_uid, cap=source.cap) if known else None
        if entry is None:
            return HTMLResponse(pages.notice("Study not found", UNKNOWN_STUDY), 404)
        visitor = visitor_of(request)
        instances = read_instances(database, study_instance_uid)
        page = StudyPage(
            entry=entry,
            instances=instances,
            history=read_history(database, study_instance_uid),
            corrections=(
                read_corrections(database, study_instance_uid=study_instance_uid)
                if visitor.is_operator
                else []
            ),
            drift_warnings=source.warnings(instance.calling_ae_title for instance in instances),
            others=read_other_studies(database, entry),
            viewer_address=viewer_address(
                source.viewer_template,
                study_instance_uid=study_instance_uid,
                accession_number=entry.accession_number,
            ),
            at=utc_now(),
            with_heat_maps=source.with_heat_maps,
        )
        return HTMLResponse(pages.study(page, visitor))

    @app.get("/studies/{study_instance_uid}/reports/{sop_instance_uid}")
    def report_page(request: Request, study_instance_uid: str, sop_instance_uid: str) -> Response:
        known = is_uid(study_instance_uid) and is_uid(sop_instance_uid)
        lines = read_report_text(database, study_instance_uid, sop_instance_uid) if known else None
        if lines is None:
            return HTMLResponse(pages.notice("Report not found", UNKNOWN_REPORT), 404)
        return HTMLResponse(pages.report(study_instance_uid, lines, visitor_of(request)))
