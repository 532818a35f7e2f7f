"""A study, as the REST interface describes it."""

from dataclasses import fields
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from screening.domain.reading import StudyReading
from screening.domain.shown_values import MODALITIES, is_uid, shown_terms, shown_uid
from screening.worklist.studies.ordering import ReadingPriority, ReportProgress, WorklistEntry
from screening.worklist.studies.other_studies import OtherStudy
from screening.worklist.studies.position import digest_of
from screening.worklist.studies.study import InstanceDetail

Probability = Annotated[float, Field(ge=0, le=1)]
OfPatient = Annotated[
    str | None, Field(description="null for a role that may not see patients.", repr=False)
]
PATIENT_ATTRIBUTES = (
    "patient_id",
    "patient_name",
    "patient_birth_date",
    "patient_sex",
    "patient_age",
    "accession_number",
    "study_date",
    "study_time",
    "study_description",
)
"""What only roles see that may see patients."""
_OF_ENTRY = tuple(one.name for one in fields(WorklistEntry))


class StudySummary(BaseModel):
    """One study of the worklist: its priority, what decided it, and who reads it."""

    study_instance_uid: Annotated[
        str,
        Field(description="Where it is no valid UID: its digest, for a role without patients."),
    ]
    patient_id: OfPatient
    patient_name: OfPatient
    patient_birth_date: OfPatient
    patient_sex: OfPatient
    patient_age: OfPatient
    accession_number: OfPatient
    study_date: OfPatient
    study_time: OfPatient
    study_description: OfPatient
    modality: str
    calling_ae_title: Annotated[str, Field(description="Who sent the newest image.")]
    demographics_differ: Annotated[
        bool, Field(description="Not all images name the same patient and accession number.")
    ]
    instances: Annotated[int, Field(description="pending + failed + not_applicable + classified")]
    pending: int
    failed: int
    not_applicable: int
    classified: int
    priority: ReadingPriority
    priority_rule: Annotated[str | None, Field(description="The rule that fired, in words.")]
    priority_score: Annotated[Probability | None, Field(description="What the rule looked at.")]
    covid19: Annotated[Probability | None, Field(description="The highest of the images.")]
    pneumonia: Annotated[Probability | None, Field(description="The highest of the images.")]
    normal: Annotated[Probability | None, Field(description="The lowest of the images.")]
    untrained: Annotated[
        bool, Field(description="A score is of an untrained bundle and means nothing.")
    ]
    received_at: datetime
    finished_at: datetime | None
    waiting_s: Annotated[int, Field(description="Seconds since the first image, when answered.")]
    report: ReportProgress
    reading: StudyReading
    reader: Annotated[
        str | None, Field(description="Who has claimed or read it; a program as client:NAME.")
    ]
    reading_since: datetime | None
    returned: Annotated[bool, Field(description="It was read before, and images came since.")]
    held: Annotated[bool, Field(description="Somebody claimed it: its priority no longer falls.")]
    overdue: Annotated[bool, Field(description="It has waited longer than the site's cap.")]


class Image(BaseModel):
    """One received image of a study."""

    sop_instance_uid: str
    sop_class: str
    transfer_syntax: str
    modality: str
    sha256: Annotated[str, Field(description="Of the received object: names its picture.")]
    size_bytes: int
    calling_ae_title: str
    received_at: datetime
    state: str
    in_spool: Annotated[bool, Field(description="Retention has not removed it.")]
    preview: Annotated[
        str | None, Field(description="Where its picture is; null where there is none to see.")
    ]


class EarlierStudy(BaseModel):
    """Another study with the same patient ID."""

    study_instance_uid: str
    study_date: str
    study_description: str
    priority: ReadingPriority
    untrained: bool
    is_same: Annotated[bool, Field(description="Name and date of birth are the same, too.")]


class StudyDetail(StudySummary):
    """One study with its images."""

    drift_warnings: Annotated[
        list[str], Field(description="One for each sender whose images are unlike known ones.")
    ]
    images: list[Image]
    others: Annotated[
        list[EarlierStudy] | None,
        Field(description="Of the same patient; null for a role that may not see patients."),
    ]
    viewer_address: Annotated[
        str | None, Field(description="Of the study in the site's viewer, if it has one.")
    ]


def summary_values(entry: WorklistEntry, now: datetime, *, patients: bool) -> dict[str, object]:
    """Return the values of a StudySummary; patients: whether it may name the patient."""
    # dataclasses.asdict copies each value, which takes longer than all else
    values: dict[str, object] = {name: getattr(entry, name) for name in _OF_ENTRY}
    values["waiting_s"] = round(entry.waiting_s(now))
    if not patients:
        values.update(dict.fromkeys(PATIENT_ATTRIBUTES))
        uid = entry.study_instance_uid
        values["study_instance_uid"] = uid if is_uid(uid) else digest_of(uid)
        values["modality"] = shown_terms([entry.modality], MODALITIES)
    return values


def image_of(detail: InstanceDetail, *, patients: bool, preview: str) -> Image:
    """Return one image; preview: the address of its picture."""
    uid, modality = detail.sop_instance_uid, detail.modality
    return Image(
        sop_instance_uid=uid if patients else shown_uid(uid),
        sop_class=detail.sop_class,
        transfer_syntax=detail.transfer_syntax,
        modality=modality if patients else shown_terms([modality], MODALITIES),
        sha256=detail.sha256,
        size_bytes=detail.size_bytes,
        calling_ae_title=detail.calling_ae_title,
        received_at=detail.received_at,
        state=detail.state,
        in_spool=detail.in_spool,
        preview=preview if patients and detail.in_spool else None,
    )


def earlier_study(other: OtherStudy) -> EarlierStudy:
    """Return another study of a patient."""
    return EarlierStudy(
        study_instance_uid=other.study_instance_uid,
        study_date=other.study_date,
        study_description=other.study_description,
        priority=other.priority,
        untrained=other.untrained,
        is_same=other.is_same,
    )
