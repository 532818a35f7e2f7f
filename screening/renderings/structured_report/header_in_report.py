"""The image's header, as a report on it took it over: for a report on a removed image."""

from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from screening.renderings.structured_report import codes
from screening.renderings.structured_report.document import ACQUISITION_EQUIPMENT


def header_in_report(encoded: bytes) -> Dataset:
    """Return the header of the image that a report of ours is on, as far as reports need it.

    encoded: the report's DICOM file.
    """
    source = dcmread(BytesIO(encoded))
    [study] = source.CurrentRequestedProcedureEvidenceSequence
    [series] = study.ReferencedSeriesSequence
    [image] = series.ReferencedSOPSequence
    source.SOPClassUID = image.ReferencedSOPClassUID
    source.SOPInstanceUID = image.ReferencedSOPInstanceUID
    source.StudyInstanceUID = study.StudyInstanceUID
    source.SeriesInstanceUID = series.SeriesInstanceUID
    source.ProcedureCodeSequence = source.PerformedProcedureCodeSequence
    _restore_equipment(source)
    return source


def _restore_equipment(source: Dataset) -> None:
    """Put the image's own equipment where the report has its maker's."""
    for keyword in ACQUISITION_EQUIPMENT:
        if keyword in source:
            delattr(source, keyword)
    for item in source.get("ContributingEquipmentSequence", []):
        [purpose] = item.PurposeOfReferenceCodeSequence
        if purpose.CodeValue == codes.ACQUISITION_EQUIPMENT.value:
            for keyword in ACQUISITION_EQUIPMENT:
                if keyword in item:
                    source.add(item[keyword])
