"""A whole report: the image's header, our own series and equipment, the content tree, the bytes.

Equal arguments give equal bytes: UIDs are derived, dates come from `ReportContent`, its moments'
zone included, and nothing is read from the clock or the machine. Store the bytes and send those:
peers answer Success to the same UID with other bytes and then keep either.
Source: DICOM PS3.3 A.35.1, A.35.2, A.35.3, A.35.13, C.17.1, C.17.2; PS3.10 section 7.1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

import screening
from screening.delivery import uids
from screening.delivery.content import (
    BundleIdentity,
    ReportContent,
    ReportDocument,
    ReportReference,
    in_zone,
)
from screening.imaging.quiet import quiet
from screening.renderings.structured_report import codes
from screening.renderings.structured_report.basic_text import basic_text_report
from screening.renderings.structured_report.content_item import (
    ContentItem,
    attributes_of,
    code_item,
    content_sequence,
)
from screening.renderings.structured_report.measurement_report import measurement_report
from screening.renderings.structured_report.narrative import series_description
from screening.renderings.structured_report.profiles import SOP_CLASSES, Profile
from screening.renderings.structured_report.source import (
    ALWAYS_PRESENT,
    clean_source,
    declare_character_set,
)
from screening.renderings.structured_report.tree import MANUFACTURER

SERIES_NUMBER = 9001
IMPLEMENTATION_CLASS_UID = UID(uids.derived_uid("implementation"))
IMPLEMENTATION_VERSION_NAME = "SCREENING"

TREES: Mapping[Profile, Callable[[Dataset, ReportContent], ContentItem]] = {
    Profile.COMPREHENSIVE: measurement_report,
    Profile.COMPREHENSIVE3D: measurement_report,
    Profile.ENHANCED: measurement_report,
    Profile.BASIC_TEXT: basic_text_report,
}

COPIED = (
    "StudyInstanceUID",
    *ALWAYS_PRESENT,
    "StudyDescription",
    "IssuerOfPatientID",
    "PatientAge",
)
ACQUISITION_EQUIPMENT = (
    "Manufacturer",
    "ManufacturerModelName",
    "InstitutionName",
    "StationName",
    "DeviceSerialNumber",
)


def build_report(source: Dataset, content: ReportContent, profile: Profile) -> ReportDocument:
    """Return the report on one image, byte for byte the same for equal arguments.

    source: the image's data set, with or without pixels; it is cleaned here and not changed.
    All dates and times are local: in the image's own offset from UTC where it names one, otherwise
    in that of content.classified_at, which a site passes in its zone; (0008,0201) says which.
    Software Versions hold this package's
    version, so a rebuild after an upgrade differs there: keep the first bytes.
    Raises MissingIdentifierError where the image has no SOP class, SOP instance or study UID,
    BundleError where scores and bundle do not belong together, ValueError where classified_at
    has no time zone.
    """
    if content.classified_at.tzinfo is None:
        raise ValueError("expected classified_at with a time zone, found one without; attach UTC")
    with quiet():
        cleaned = clean_source(source)
        local = in_one_offset(content, cleaned)
        tree = TREES[profile](cleaned, local)
        data_set = _data_set(cleaned, local, profile, tree)
        encoded = _encoded_report(data_set, tree)
    return as_document(data_set, encoded)


def as_document(data_set: Dataset, encoded: bytes) -> ReportDocument:
    """Return an object's bytes with the UIDs by which it is known."""
    return ReportDocument(
        sop_class_uid=str(data_set.SOPClassUID),
        sop_instance_uid=str(data_set.SOPInstanceUID),
        study_instance_uid=str(data_set.StudyInstanceUID),
        series_instance_uid=str(data_set.SeriesInstanceUID),
        encoded=encoded,
    )


def common_header(source: Dataset, content: ReportContent, sop_class_uid: str) -> Dataset:
    """Return what every object on an image has: patient and study, its own UID, software, dates."""
    data_set = Dataset()
    for keyword in COPIED:
        if keyword in source:
            data_set.add(source[keyword])
    bundle, made_at = content.bundle, content.dated
    data_set.SOPClassUID = sop_class_uid
    data_set.SOPInstanceUID = uids.report_instance_uid(
        source.SOPInstanceUID, bundle.digest, sop_class_uid, content.revision
    )
    data_set.InstanceNumber = source.get("InstanceNumber") or 1
    _add_software(data_set, bundle)
    data_set.TimezoneOffsetFromUTC = f"{made_at:%z}"
    data_set.InstanceCreationDate = data_set.ContentDate = f"{made_at:%Y%m%d}"
    data_set.InstanceCreationTime = data_set.ContentTime = f"{made_at:%H%M%S}"
    return data_set


def _data_set(
    source: Dataset, content: ReportContent, profile: Profile, tree: ContentItem
) -> Dataset:
    """Return all of the report but its Content Sequence."""
    data_set = common_header(source, content, SOP_CLASSES[profile])
    _add_series(data_set, source, content)
    _add_equipment(data_set, source, content)
    _add_document(data_set, source, content)
    data_set.update(attributes_of(tree))
    declare_character_set(data_set, tree.texts())
    return data_set


def _add_series(data_set: Dataset, source: Dataset, content: ReportContent) -> None:
    bundle = content.bundle
    data_set.SeriesInstanceUID = uids.report_series_uid(source.StudyInstanceUID, bundle.digest)
    data_set.Modality = "SR"
    data_set.SeriesNumber = SERIES_NUMBER
    data_set.SeriesDescription = series_description(bundle)
    started_at = content.series_started_at or content.classified_at
    data_set.SeriesDate, data_set.SeriesTime = f"{started_at:%Y%m%d}", f"{started_at:%H%M%S}"


def _add_equipment(data_set: Dataset, source: Dataset, content: ReportContent) -> None:
    processing = Dataset()
    _add_software(processing, content.bundle)
    processing.PurposeOfReferenceCodeSequence = [code_item(codes.PROCESSING_EQUIPMENT)]
    processing.ContributionDateTime = f"{content.classified_at:%Y%m%d%H%M%S.%f%z}"
    processing.ContributionDescription = "Computed the probabilities and suggested the priority"
    data_set.ContributingEquipmentSequence = [*_acquisition_equipment(source), processing]


def _add_software(data_set: Dataset, bundle: BundleIdentity) -> None:
    """Name the bundle as the equipment that made an object. Source: PS3.3 C.7.5.1."""
    data_set.Manufacturer = MANUFACTURER
    data_set.ManufacturerModelName = bundle.name
    data_set.DeviceSerialNumber = bundle.digest
    data_set.SoftwareVersions = [
        f"bundle {bundle.version}",
        f"screening {screening.__version__}",
    ]


def _acquisition_equipment(source: Dataset) -> Sequence[Dataset]:
    if "Manufacturer" not in source:  # Type 1 in this sequence
        return []
    item = Dataset()
    for keyword in ACQUISITION_EQUIPMENT:
        if keyword in source:
            item.add(source[keyword])
    item.PurposeOfReferenceCodeSequence = [code_item(codes.ACQUISITION_EQUIPMENT)]
    return [item]


def _add_document(data_set: Dataset, source: Dataset, content: ReportContent) -> None:
    data_set.CompletionFlag = "COMPLETE"
    data_set.PreliminaryFlag = "FINAL"
    data_set.VerificationFlag = "UNVERIFIED"
    data_set.ContentQualification = "RESEARCH"
    data_set.ReferencedPerformedProcedureStepSequence = []
    data_set.PerformedProcedureCodeSequence = list(source.ProcedureCodeSequence) or [
        code_item(codes.PLAIN_CHEST_RADIOGRAPH)
    ]
    image = ReportReference(
        source.SOPClassUID,
        source.SOPInstanceUID,
        source.StudyInstanceUID,
        source.SeriesInstanceUID,
    )
    data_set.CurrentRequestedProcedureEvidenceSequence = [_reference_item(image)]
    if content.predecessors:
        data_set.PredecessorDocumentsSequence = [
            _reference_item(predecessor) for predecessor in content.predecessors
        ]


def in_one_offset(content: ReportContent, source: Dataset) -> ReportContent:
    """Return the content with its moments in one offset, which the whole data set is read by.

    Source: PS3.3 C.12.1.1 (Timezone Offset From UTC).
    """
    zone = timezone(_offset(source, content.dated))
    started_at = content.series_started_at or content.classified_at
    return in_zone(replace(content, series_started_at=started_at), zone)


def _offset(source: Dataset, moment: datetime) -> timedelta:
    """Return the image's offset from UTC, else the moment's own, daylight saving included."""
    if "TimezoneOffsetFromUTC" not in source:
        return moment.utcoffset() or timedelta(0)
    offset = str(source.TimezoneOffsetFromUTC)
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    return timedelta(minutes=-minutes if offset.startswith("-") else minutes)


def _reference_item(reference: ReportReference) -> Dataset:
    instance = Dataset()
    instance.ReferencedSOPClassUID = reference.sop_class_uid
    instance.ReferencedSOPInstanceUID = reference.sop_instance_uid
    series = Dataset()
    series.SeriesInstanceUID = reference.series_instance_uid
    series.ReferencedSOPSequence = [instance]
    study = Dataset()
    study.StudyInstanceUID = reference.study_instance_uid
    study.ReferencedSeriesSequence = [series]
    return study


def _encoded_report(data_set: Dataset, tree: ContentItem) -> bytes:
    return encode_file(data_set) + content_sequence(tree.children)  # its tag is the highest


def encode_file(data_set: Dataset) -> bytes:
    """Return a data set as a DICOM file in Explicit VR Little Endian."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    data_set.file_meta = meta
    buffer = BytesIO()
    dcmwrite(buffer, data_set, enforce_file_format=True)
    return buffer.getvalue()
