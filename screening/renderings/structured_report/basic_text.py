"""The content tree for viewers that show text only: TID 2000 in a Basic Text SR.

The same sentences as the coded profiles hold in their comments, in the same order.
Source: DICOM PS3.16 TID 2000, CID 7000 to 7003; PS3.3 A.35.1 (value types allowed).
"""

from pydicom.dataset import Dataset

from screening.delivery.content import ReportContent
from screening.renderings.structured_report import codes
from screening.renderings.structured_report.content_item import ContentItem, Relationship
from screening.renderings.structured_report.narrative import (
    calibration_in_words,
    findings_in_words,
    provenance_in_words,
    summary,
)
from screening.renderings.structured_report.tree import (
    contained,
    container,
    device_observer,
    language,
    root,
    source_image,
)


def basic_text_report(source: Dataset, content: ReportContent) -> ContentItem:
    """Return the root container: priority and caution, then probabilities and bundle.

    source: as `clean_source` returns it.
    """
    image = ContentItem(Relationship.INFERRED_FROM, codes.BEST_ILLUSTRATION, source_image(source))
    first, *further = findings_in_words(content)
    further += [calibration_in_words(content), provenance_in_words(content)]
    return root(
        codes.DIAGNOSTIC_IMAGING_REPORT,
        "2000",
        language(),
        *device_observer(content.bundle),
        container(
            codes.CONCLUSIONS, *(contained(codes.CONCLUSION, words) for words in summary(content))
        ),
        container(
            codes.FINDINGS,
            contained(codes.FINDING, first, image),
            *(contained(codes.FINDING, words) for words in further),
        ),
    )
