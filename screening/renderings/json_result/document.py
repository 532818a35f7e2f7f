"""One result as JSON. Equal arguments give equal bytes."""

from pydicom.dataset import Dataset

from screening.delivery.content import ReportContent, ReportDocument
from screening.delivery.uids import report_instance_uid
from screening.domain.scores import Class
from screening.imaging.quiet import quiet
from screening.renderings.json_result.body import (
    Bundle,
    Calibration,
    Patient,
    Probabilities,
    Result,
)
from screening.renderings.structured_report.narrative import caution
from screening.renderings.structured_report.source import clean_source

PATIENT_FIELDS = frozenset({"accession_number", "patient"})


def build_document(
    source: Dataset, content: ReportContent, written_as: str, *, with_patient: bool
) -> ReportDocument:
    """Return the JSON on one image, encoded in UTF-8.

    source: the image's header, which is cleaned here and not changed. written_as: the rendering's
    name, of which the id is derived.
    Raises MissingIdentifierError where the image has no SOP class, SOP instance or study UID.
    """
    with quiet():
        image = clean_source(source)
    uid = report_instance_uid(
        image.SOPInstanceUID, content.bundle.digest, written_as, content.revision
    )
    result = _result(image, content, uid)
    if with_patient:
        result = result.model_copy(
            update={
                "accession_number": str(image.AccessionNumber or ""),
                "patient": _patient(image),
            }
        )
    left_out = set() if with_patient else set(PATIENT_FIELDS)
    return ReportDocument(
        sop_instance_uid=uid,
        study_instance_uid=str(image.StudyInstanceUID),
        encoded=result.model_dump_json(exclude=left_out).encode(),
    )


def _result(image: Dataset, content: ReportContent, uid: str) -> Result:
    bundle, scores, calibration = content.bundle, content.scores.ensemble, content.calibration
    earlier = content.predecessors[-1].sop_instance_uid if content.predecessors else None
    return Result(
        type="result.corrected" if earlier else "result.made",
        id=uid,
        supersedes=earlier,
        study_instance_uid=str(image.StudyInstanceUID),
        sop_instance_uid=str(image.SOPInstanceUID),
        structured_reports=tuple(one.sop_instance_uid for one in content.companions),
        priority=content.triage.priority,
        rule=content.triage.rule,
        probabilities=Probabilities(
            covid19=scores.of(Class.COVID19),
            pneumonia=scores.of(Class.PNEUMONIA),
            normal=scores.of(Class.NORMAL),
        ),
        bundle=Bundle(
            name=bundle.name, version=bundle.version, digest=bundle.digest, trained=bundle.trained
        ),
        calibration=(
            Calibration(name=calibration.name, studies=calibration.studies) if calibration else None
        ),
        classified_at=content.classified_at,
        current_since=content.dated,
        caution=caution(bundle),
    )


def _patient(image: Dataset) -> Patient:
    return Patient(
        id=str(image.PatientID or ""),
        issuer_of_id=str(image.get("IssuerOfPatientID") or ""),
        name=str(image.PatientName or ""),
        birth_date=str(image.PatientBirthDate or ""),
        sex=str(image.PatientSex or ""),
    )
