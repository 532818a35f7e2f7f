"""The content tree for viewers that show text only: TID 2000 in a Basic Text SR.

The same sentences as the coded profiles hold in their comments, in the same order.
Source: DICOM PS3.16 TID 2000, CID 7000 to 7003; PS3.3 A.35.1 (value types allowed).
"""

from highdicom.sr import (
    ContainerContentItem,
    ContentSequence,
    LanguageOfContentItemAndDescendants,
    RelationshipTypeValues,
)
from pydicom.dataset import Dataset

from screening.delivery.content import ReportContent
from screening.renderings.structured_report import codes
from screening.renderings.structured_report.narrative import (
    calibration_in_words,
    findings_in_words,
    provenance_in_words,
    summary,
)
from screening.renderings.structured_report.tree import (
    container,
    device_observer,
    source_image,
    text,
)


def basic_text_report(source: Dataset, content: ReportContent) -> Dataset:
    """Return the root container: priority and caution, then probabilities and bundle.

    source: as `clean_source` returns it.
    """
    root: Dataset = ContainerContentItem(
        name=codes.DIAGNOSTIC_IMAGING_REPORT, is_content_continuous=False, template_id="2000"
    )
    findings = [text(codes.FINDING, words) for words in findings_in_words(content)]
    findings[0].ContentSequence = ContentSequence(
        [source_image(source, RelationshipTypeValues.INFERRED_FROM, codes.BEST_ILLUSTRATION)]
    )
    context = (calibration_in_words(content), provenance_in_words(content))
    findings += [text(codes.FINDING, words) for words in context]
    conclusions = (text(codes.CONCLUSION, words) for words in summary(content))
    root.ContentSequence = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(codes.ENGLISH),
            *device_observer(content.bundle),
            container(codes.CONCLUSIONS, *conclusions),
            container(codes.FINDINGS, *findings),
        ]
    )
    return root
