"""The attributes of a procedure step, as a data set. Source: PS3.4 table CC.2.5-3.

Transaction UID is told to nobody: who knows it may end the claim.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from screening.domain.procedure_step import UPS_PUSH, StepState
from screening.domain.shown_values import is_uid
from screening.renderings.structured_report.source import clean_source, declare_character_set
from screening.ups.steps.content import Content, Referenced
from screening.ups.steps.turns import Step

INTERPRETATION = Code("110005", "DCM", "Interpretation")
"""What is to be done: CID 9231 of PS3.16."""
LABEL = "Read the study"
OF_CONTENT = frozenset(
    {"InputInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"}
)
"""What needs the study's images and reports."""
EMPTY = (
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledHumanPerformersSequence",
    "ScheduledProcessingParametersSequence",
    "IssuerOfPatientIDQualifiersSequence",
    "ReplacedProcedureStepSequence",
)
"""Sequences that a step has, and that nothing is known of here."""
DEMOGRAPHICS = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the site says of every step."""

    worklist_label: str
    retrieve_ae_title: str = ""
    """From where images and reports can be retrieved; "": nobody has said."""
    waiting_cap: timedelta | None = None


def step_data_set(step: Step, terms: Terms, content: Content | None = None) -> Dataset:
    """Return a step with every attribute that it has; without content, those of OF_CONTENT lack."""
    entry, made = step.entry, Dataset()
    made.SOPClassUID, made.SOPInstanceUID = UPS_PUSH, step.sop_instance_uid
    made.ScheduledProcedureStepPriority = step.priority.value
    made.ScheduledProcedureStepModificationDateTime = date_time(_modified_at(step))
    made.ScheduledProcedureStepStartDateTime = date_time(entry.received_at)
    if terms.waiting_cap is not None:
        made.ExpectedCompletionDateTime = date_time(entry.received_at + terms.waiting_cap)
    made.ProcedureStepLabel, made.WorklistLabel = LABEL, terms.worklist_label
    made.CommentsOnTheScheduledProcedureStep = _comment(step)
    made.ScheduledWorkitemCodeSequence = [_code(INTERPRETATION)]
    made.InputReadinessState = step.readiness.value
    for keyword in EMPTY:
        setattr(made, keyword, [])
    _add_study(made, step)
    made.ProcedureStepState = step.state.value
    made.ProcedureStepProgressInformationSequence = _progress(step)
    if content is not None:
        made.InputInformationSequence = _inputs(step, content, terms)
        made.UnifiedProcedureStepPerformedProcedureSequence = _performed(step, content, terms)
    declare_character_set(made)
    return made


def date_time(at: datetime) -> str:
    """Return a moment as a DT in UTC, with its offset. Source: PS3.5 section 6.2."""
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


def progress_of(step: Step) -> list[Dataset]:
    """Return what the performer said last of their progress."""
    return _said(step, "ProcedureStepProgressInformationSequence")


def cancellation_of(step: Step) -> Dataset:
    """Return why a step was canceled, in the words of whoever did, or asked for it."""
    said = (progress_of(step) or [Dataset()])[0]
    made = Dataset()
    reason = said.get("ReasonForCancellation") or (step.told.reason if step.told else "")
    made.ReasonForCancellation = reason or "the claim was released"
    codes = said.get("ProcedureStepDiscontinuationReasonCodeSequence") or []
    made.ProcedureStepDiscontinuationReasonCodeSequence = list(codes)
    return made


def _add_study(made: Dataset, step: Step) -> None:
    """Add the patient and the request, empty where the images have none or an unusable value."""
    entry, header = step.entry, Dataset()
    header.SOPClassUID, header.SOPInstanceUID = UPS_PUSH, step.sop_instance_uid
    header.StudyInstanceUID = entry.study_instance_uid
    header.PatientName, header.PatientID = entry.patient_name, entry.patient_id
    header.PatientBirthDate, header.PatientSex = entry.patient_birth_date, entry.patient_sex
    header.AccessionNumber = entry.accession_number
    clean = clean_source(header)
    for keyword in DEMOGRAPHICS:
        setattr(made, keyword, clean.get(keyword))
    made.IssuerOfPatientID = made.AdmissionID = ""
    made.AdmittingDiagnosesDescription = ""
    request = Dataset()
    if is_uid(entry.study_instance_uid):
        made.StudyInstanceUID = request.StudyInstanceUID = entry.study_instance_uid
    request.AccessionNumber = clean.AccessionNumber
    request.RequestedProcedureID = ""
    request.RequestedProcedureDescription = entry.study_description
    made.ReferencedRequestSequence = [request]


def _modified_at(step: Step) -> datetime:
    entry = step.entry
    moments = [entry.received_at, entry.finished_at, entry.reading_since]
    if step.reading is not None:
        reading = step.reading
        moments = [reading.claimed_at, reading.read_at, reading.released_at]
    return max(moment for moment in moments if moment is not None)


def _comment(step: Step) -> str:
    """Return the worklist's own priority, of which the attribute has three values."""
    entry = step.entry
    rule = f": {entry.priority_rule}" if entry.priority_rule else ""
    note = "; from untrained networks" if entry.untrained else ""
    return f"{entry.priority}{rule}{note}"


def _progress(step: Step) -> list[Dataset]:
    items = progress_of(step)
    if step.state is not StepState.CANCELED or step.reading is None:
        return items
    item = items[0] if items else Dataset()
    item.ProcedureStepCancellationDateTime = date_time(step.reading.released_at)
    item.update(cancellation_of(step))
    return [item]


def _performed(step: Step, content: Content, terms: Terms) -> list[Dataset]:
    """Return what the performer said; of a claim on the page, and before, what is known here."""
    said = _said(step, "UnifiedProcedureStepPerformedProcedureSequence")
    if said:
        return said
    item, reading = Dataset(), step.reading
    item.PerformedStationNameCodeSequence = []
    item.PerformedWorkitemCodeSequence = [_code(INTERPRETATION)] if reading else []
    item.ActualHumanPerformersSequence = []
    if reading is not None:
        item.PerformedProcedureStepStartDateTime = date_time(reading.claimed_at)
        ended_at = reading.read_at or reading.released_at
        if ended_at is not None:
            item.PerformedProcedureStepEndDateTime = date_time(ended_at)
    item.OutputInformationSequence = _series(step, content.reports, terms)
    return [item]


def _inputs(step: Step, content: Content, terms: Terms) -> list[Dataset]:
    """Return the images, and the reports on them, which the reader wants to see."""
    return _series(step, [*content.images, *content.reports], terms)


def _series(step: Step, objects: Sequence[Referenced], terms: Terms) -> list[Dataset]:
    """Return the objects by series. Source: PS3.3 table 10-3b."""
    if not is_uid(step.entry.study_instance_uid):
        return []
    by_series = sorted(objects, key=lambda one: one.series_instance_uid)
    return [
        _series_item(step.entry.study_instance_uid, series, of_series, terms)
        for series, of_series in groupby(by_series, key=lambda one: one.series_instance_uid)
    ]


def _series_item(study: str, series: str, objects: Iterable[Referenced], terms: Terms) -> Dataset:
    item = Dataset()
    item.TypeOfInstances = "DICOM"
    item.StudyInstanceUID, item.SeriesInstanceUID = study, series
    item.ReferencedSOPSequence = [_reference(one) for one in objects]
    if terms.retrieve_ae_title:
        source = Dataset()
        source.RetrieveAETitle = terms.retrieve_ae_title
        item.DICOMRetrievalSequence = [source]
    return item


def _reference(one: Referenced) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = one.sop_class_uid
    item.ReferencedSOPInstanceUID = one.sop_instance_uid
    return item


def _said(step: Step, keyword: str) -> list[Dataset]:
    said = (step.told.performed if step.told else None) or {}
    return list(Dataset.from_json(said).get(keyword) or ())


def _code(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
