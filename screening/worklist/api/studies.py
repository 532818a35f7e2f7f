"""`/studies/UID` and `/studies/UID/results`: one study, and all that the system made of it."""

from typing import Any

from fastapi import APIRouter, Request

from screening.db.bundle_rows import active_bundle
from screening.db.calibration_state import calibration_state
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.domain.roles import Right
from screening.domain.shown_values import is_uid
from screening.domain.viewer_link import viewer_address
from screening.worklist.access.access import Visitor, visitor_of
from screening.worklist.api.pictures import preview_address
from screening.worklist.api.problems import Problem, ProblemError
from screening.worklist.api.refusals import refused_by
from screening.worklist.api.result_models import (
    StudyResults,
    calibrations_of,
    results_of,
    trace_of,
)
from screening.worklist.api.study_models import (
    StudyDetail,
    earlier_study,
    image_of,
    summary_values,
)
from screening.worklist.source import Source
from screening.worklist.studies.ordering import WorklistEntry, read_entry
from screening.worklist.studies.other_studies import read_other_studies
from screening.worklist.studies.study import read_history, read_instances
from screening.worklist.wording import RESEARCH_USE

UNKNOWN_STUDY = (
    "Expected the Study Instance UID of a study of which an image was received, found another."
)


def studies_router(source: Source) -> APIRouter:
    """Return the operations that read one study."""
    router = APIRouter(tags=["studies"])

    @router.get(
        "/studies/{study_instance_uid}",
        operation_id="readStudy",
        summary="Read a study.",
        response_model=StudyDetail,
        responses=refused_by(Problem.UNKNOWN_STUDY),
    )
    def read_study(request: Request, study_instance_uid: str) -> Any:
        """Tell its priority, who reads it, its images, and earlier studies of the patient."""
        entry = known_entry(source, study_instance_uid)
        return _detail(source, entry, visitor_of(request))

    @router.get(
        "/studies/{study_instance_uid}/results",
        operation_id="readResults",
        summary="Read a study's results.",
        response_model=StudyResults,
        responses=refused_by(Problem.UNKNOWN_STUDY),
    )
    def read_results(study_instance_uid: str) -> Any:
        """Tell how each image was scored, by whom, and what happened since.

        Scores of each member and of the ensemble, bundle, calibration, the rule that fired,
        reports and their deliveries; and the trace, which is everything that happened.
        """
        known_entry(source, study_instance_uid)
        return _results(source.database, study_instance_uid)

    return router


def known_entry(source: Source, study_instance_uid: str) -> WorklistEntry:
    """Return a study; raises ProblemError where there is none, and DatabaseUnavailableError."""
    # a text that is no UID may name a patient
    known = is_uid(study_instance_uid)
    entry = read_entry(source.database, study_instance_uid, cap=source.cap) if known else None
    if entry is None:
        raise ProblemError(Problem.UNKNOWN_STUDY, UNKNOWN_STUDY)
    return entry


def _detail(source: Source, entry: WorklistEntry, visitor: Visitor) -> dict[str, Any]:
    patients = visitor.may(Right.SEE_PATIENTS)
    instances = read_instances(source.database, entry.study_instance_uid)
    others = read_other_studies(source.database, entry) if patients else None
    address = viewer_address(
        source.viewer_template,
        study_instance_uid=entry.study_instance_uid,
        accession_number=entry.accession_number,
    )
    return {
        **summary_values(entry, utc_now(), patients=patients),
        "drift_warnings": source.warnings(one.calling_ae_title for one in instances),
        "images": [
            image_of(one, patients=patients, preview=preview_address(one.sha256))
            for one in instances
        ],
        "others": None if others is None else [earlier_study(one) for one in others],
        # it may hold the accession number
        "viewer_address": (address or None) if patients else None,
    }


def _results(database: Database, study_instance_uid: str) -> StudyResults:
    bundle = active_bundle(database)
    return StudyResults(
        study_instance_uid=study_instance_uid,
        notice=RESEARCH_USE,
        active_bundle=f"{bundle.name} {bundle.version}" if bundle else None,
        calibrations=calibrations_of(calibration_state(database)),
        images=results_of(read_instances(database, study_instance_uid)),
        trace=trace_of(read_history(database, study_instance_uid)),
    )
