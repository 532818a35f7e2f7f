"""Headers, scores and bundles to make reports of."""

import hashlib
from datetime import UTC, datetime

from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage

from screening.delivery.content import (
    BundleIdentity,
    MemberIdentity,
    ReportContent,
    ReportReference,
)
from screening.domain.scores import ClassScores, MemberScores, combine
from screening.domain.triage import Priority, Triage

CLASSIFIED_AT = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
PREDECESSOR = ReportReference(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.88.33",
    sop_instance_uid="2.25.1",
    study_instance_uid="1.2.3.1",
    series_instance_uid="2.25.2",
)


def header() -> Dataset:
    """Return a whole and legal header of a chest radiograph, as a reader would."""
    data_set = Dataset()
    data_set.SOPClassUID = ComputedRadiographyImageStorage
    data_set.SOPInstanceUID = "1.2.3.1.1.1"
    data_set.StudyInstanceUID = "1.2.3.1"
    data_set.SeriesInstanceUID = "1.2.3.1.1"
    data_set.StudyDate = "20260228"
    data_set.StudyTime = "235959.5"
    data_set.AccessionNumber = "ACC-0123456789"
    data_set.Modality = "CR"
    data_set.Manufacturer = "Maker"
    data_set.InstitutionName = "Hospital"
    data_set.ReferringPhysicianName = "Referrer^Rita"
    data_set.StudyDescription = "Chest PA"
    data_set.PatientName = "Doe^Jane"
    data_set.PatientID = "PID-77"
    data_set.PatientBirthDate = "19700131"
    data_set.PatientSex = "F"
    data_set.PatientAge = "056Y"
    data_set.StudyID = "S1"
    data_set.InstanceNumber = "3"
    data_set.TimezoneOffsetFromUTC = "+0130"
    data_set.IssuerOfPatientID = "HOSPITAL"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = (
        "36643-5",
        "LN",
        "XR Chest 2 Views",
    )
    data_set.ProcedureCodeSequence = [code]
    return data_set


def digest(word: str) -> str:
    """Return a SHA-256 as a bundle or a weights file would have."""
    return hashlib.sha256(word.encode()).hexdigest()


def bundle(*, trained: bool = True, version: str = "0.1.0") -> BundleIdentity:
    """Return a bundle of two members; each version has its own digest."""
    return BundleIdentity(
        name="covid-cxr",
        version=version,
        digest=digest(f"bundle {version}"),
        trained=trained,
        members=(
            MemberIdentity("concatenated", "xception_resnet50v2", digest("a"), 300, 300, 0.6),
            MemberIdentity("coronet", "coronet", digest("b"), 150, 150, 0.4),
        ),
    )


def content(
    *,
    trained: bool = True,
    version: str = "0.1.0",
    priority: Priority = Priority.HIGH,
    predecessors: tuple[ReportReference, ...] = (),
) -> ReportContent:
    """Return what a report says: 72 % COVID-19, 21 % pneumonia, 7 % normal."""
    scores = combine(
        [
            MemberScores("concatenated", {}, ClassScores(0.8, 0.15, 0.05)),
            MemberScores("coronet", {}, ClassScores(0.6, 0.3, 0.1)),
        ],
        [0.6, 0.4],
    )
    return ReportContent(
        scores=scores,
        triage=Triage(priority, "COVID-19 probability at least 50 %", 0.72),
        bundle=bundle(trained=trained, version=version),
        classified_at=CLASSIFIED_AT,
        predecessors=predecessors,
    )
