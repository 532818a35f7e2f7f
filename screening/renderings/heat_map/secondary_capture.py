"""Writes heat-maps over a radiograph as a Secondary Capture image. Source: PS3.3 A.8, C.8.6."""

from pydicom.dataset import Dataset

from screening.delivery import uids
from screening.delivery.content import ReportContent, ReportDocument
from screening.errors import ReportNotPossibleError
from screening.imaging.quiet import quiet
from screening.renderings.heat_map.panels import Panels, draw_panels
from screening.renderings.structured_report.codes import Code
from screening.renderings.structured_report.content_item import code_item
from screening.renderings.structured_report.document import (
    as_document,
    common_header,
    encode_file,
    in_one_offset,
)
from screening.renderings.structured_report.source import clean_source, declare_character_set

SERIES_NUMBER = 9002
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
RESAMPLED = Code("113085", "DCM", "Spatial resampling")
DERIVED = (
    "Radiograph reduced to 8 bits of grey; Grad-CAM heat-map of each network laid over it "
    "(Selvaraju et al. 2017, section 3) and burnt in. Research use only, not diagnostic."
)


def build_secondary_capture(
    source: Dataset, content: ReportContent, sop_class_uid: str
) -> ReportDocument:
    """Return the picture of one image's heat-maps, byte for byte the same for equal arguments.

    source: the image's data set; it is cleaned here and not changed. Raises ReportNotPossibleError
    where the content has no heat-maps, MissingIdentifierError where the image lacks a UID.
    """
    if content.heat_maps is None:
        raise ReportNotPossibleError("expected heat-maps of the result, found none")
    panels = draw_panels(content, content.heat_maps)
    with quiet():
        cleaned = clean_source(source)
        data_set = _data_set(cleaned, in_one_offset(content, cleaned), sop_class_uid, panels)
        encoded = encode_file(data_set)
    return as_document(data_set, encoded)


def _data_set(
    source: Dataset, content: ReportContent, sop_class_uid: str, panels: Panels
) -> Dataset:
    data_set, bundle = common_header(source, content, sop_class_uid), content.bundle
    data_set.SeriesInstanceUID = uids.heat_map_series_uid(source.StudyInstanceUID, bundle.digest)
    data_set.Modality = "OT"
    data_set.ConversionType = "WSD"
    data_set.BodyPartExamined = "CHEST"
    data_set.SeriesNumber = SERIES_NUMBER
    trained = "" if bundle.trained else "UNTRAINED, "
    data_set.SeriesDescription = f"Heat-maps, {trained}research use"
    _add_derivation(data_set, source, panels)
    _add_pixels(data_set, panels)
    declare_character_set(data_set)
    return data_set


def _add_derivation(data_set: Dataset, source: Dataset, panels: Panels) -> None:
    """Say what it is made of, and that it is for research. Source: PS3.3 C.7.6.1."""
    data_set.ImageType = ["DERIVED", "SECONDARY"]
    data_set.PatientOrientation = ""
    data_set.DerivationDescription = DERIVED
    data_set.DerivationCodeSequence = [code_item(RESAMPLED)]
    data_set.ImageComments = f"RESEARCH USE ONLY, not diagnostic. {panels.says}"
    image = Dataset()
    image.ReferencedSOPClassUID = source.SOPClassUID
    image.ReferencedSOPInstanceUID = source.SOPInstanceUID
    image.PurposeOfReferenceCodeSequence = [code_item(SOURCE_IMAGE)]
    data_set.SourceImageSequence = [image]


def _add_pixels(data_set: Dataset, panels: Panels) -> None:
    rows, columns, samples = panels.pixels.shape
    data_set.Rows, data_set.Columns, data_set.SamplesPerPixel = rows, columns, samples
    data_set.PhotometricInterpretation = "RGB"
    data_set.PlanarConfiguration = 0
    data_set.BitsAllocated = data_set.BitsStored = 8
    data_set.HighBit, data_set.PixelRepresentation = 7, 0
    pixels = panels.pixels.tobytes()
    data_set.PixelData = pixels + b"\0" * (len(pixels) % 2)
