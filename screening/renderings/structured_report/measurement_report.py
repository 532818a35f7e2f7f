"""The content tree of the coded profiles: TID 1500 Measurement Report.

Source: DICOM PS3.16 TID 300, 1500, 1501, 1600, 4019; IHE RAD AI Results (AIR).
"""

from pydicom.dataset import Dataset

from screening.delivery.content import (
    BundleIdentity,
    CalibrationIdentity,
    MemberIdentity,
    ReportContent,
)
from screening.delivery.uids import tracking_uid
from screening.domain.scores import CLASS_TITLES, Class
from screening.errors import BundleError
from screening.renderings.structured_report import codes
from screening.renderings.structured_report.content_item import ContentItem, Number, Uid
from screening.renderings.structured_report.narrative import (
    calibration_in_words,
    findings_in_words,
    provenance_in_words,
    summary,
)
from screening.renderings.structured_report.tree import (
    contained,
    container,
    context,
    device_observer,
    language,
    modifier,
    root,
    source_image,
)

COMBINATION_RULE = "weighted mean of the members' calibrated probabilities"
Algorithm = tuple[ContentItem, ...]


def measurement_report(source: Dataset, content: ReportContent) -> ContentItem:
    """Return the root container: priority and comments, image library, one group per class.

    Plain words come before the measurements, since readers render in this order.
    source: as `clean_source` returns it. Raises BundleError where the scores name a member that
    the bundle does not list.
    """
    algorithms = _algorithms(content)
    groups = (_measurement_group(source, content, klass, algorithms) for klass in Class)
    return root(
        codes.IMAGING_MEASUREMENT_REPORT,
        "1500",
        language(),
        *device_observer(content.bundle),
        modifier(codes.PROCEDURE_REPORTED, codes.IMAGING_PROCEDURE),
        _qualitative_evaluations(content),
        _image_library(source),
        container(codes.IMAGING_MEASUREMENTS, *groups),
    )


def _measurement_group(
    source: Dataset, content: ReportContent, klass: Class, algorithms: list[Algorithm]
) -> ContentItem:
    """Return the group of one class. Source: PS3.16 TID 1501."""
    uid = tracking_uid(source.SOPInstanceUID, content.bundle.digest, klass)
    scores = content.scores
    probabilities = [scores.ensemble.of(klass), *(m.calibrated.of(klass) for m in scores.members)]
    return container(
        codes.MEASUREMENT_GROUP,
        context(codes.TRACKING_IDENTIFIER, f"{CLASS_TITLES[klass]} probability"),
        context(codes.TRACKING_UNIQUE_IDENTIFIER, Uid(uid)),
        contained(codes.FINDING, codes.CLASS_CODES[klass]),
        modifier(codes.FINDING_SITE, codes.LUNG),
        *map(_probability, probabilities, algorithms),
        contained(codes.SOURCE_OF_MEASUREMENT, source_image(source)),
        template="1501",
    )


def _probability(probability: float, algorithm: Algorithm) -> ContentItem:
    """Return a measurement. Source: PS3.16 TID 300."""
    percentage = Number(round(100.0 * probability, 2), codes.PERCENT)
    return contained(codes.PROBABILITY, percentage, *algorithm)


def _algorithms(content: ReportContent) -> list[Algorithm]:
    """Return what computed the scores: the ensemble, then each member."""
    bundle, scores = content.bundle, content.scores
    members = {member.name: member for member in bundle.members}
    if unknown := [m.member for m in scores.members if m.member not in members]:
        raise BundleError(
            f"expected scores of the members {', '.join(members)} of bundle {bundle.name}, "
            f"found {', '.join(unknown)}; classify the image again with this bundle"
        )
    return [
        _ensemble_algorithm(content),
        *(_member_algorithm(bundle, members[m.member]) for m in scores.members),
    ]


def _ensemble_algorithm(content: ReportContent) -> Algorithm:
    bundle = content.bundle
    weights = ", ".join(f"{member.name} {member.weight:g}" for member in bundle.members)
    return _algorithm(
        bundle,
        name=f"{bundle.name} ensemble",
        parameters=[
            f"combination: {COMBINATION_RULE}",
            f"member weights: {weights}",
            f"bundle digest: {bundle.digest}",
            *_calibration_parameters(content.calibration),
        ],
    )


def _calibration_parameters(calibration: CalibrationIdentity | None) -> list[str]:
    if calibration is None:
        return ["site calibration: none, not calibrated for this site"]
    return [
        f"site calibration: {calibration.name}, sha256 {calibration.sha256}",
        *(f"site calibration, {rule}" for rule in calibration.rules),
        *([f"grey levels: {calibration.grey_levels}"] if calibration.grey_levels else []),
    ]


def _member_algorithm(bundle: BundleIdentity, member: MemberIdentity) -> Algorithm:
    return _algorithm(
        bundle,
        name=f"{bundle.name} member {member.name}",
        parameters=[
            f"architecture: {member.architecture}",
            f"weights sha256: {member.weights_sha256}",
            f"input: {member.input_height} x {member.input_width} pixels",
            f"weight in the ensemble: {member.weight:g}",
        ],
    )


def _algorithm(bundle: BundleIdentity, name: str, parameters: list[str]) -> Algorithm:
    """Return what says which algorithm measured. Source: PS3.16 TID 4019."""
    untrained = [] if bundle.trained else ["UNTRAINED: random weights"]
    return (
        modifier(codes.ALGORITHM_NAME, name),
        modifier(codes.ALGORITHM_VERSION, bundle.version),
        *(modifier(codes.ALGORITHM_PARAMETERS, words) for words in [*untrained, *parameters]),
        modifier(codes.ALGORITHM_FAMILY, codes.ARTIFICIAL_INTELLIGENCE),
    )


def _image_library(source: Dataset) -> ContentItem:
    image = contained(codes.SOURCE, source_image(source))
    return container(codes.IMAGE_LIBRARY, container(codes.IMAGE_LIBRARY_GROUP, image))


def _qualitative_evaluations(content: ReportContent) -> ContentItem:
    comments = (
        *summary(content),
        *findings_in_words(content),
        calibration_in_words(content),
        provenance_in_words(content),
    )
    return container(
        codes.QUALITATIVE_EVALUATIONS,
        contained(codes.PRIORITY, codes.PRIORITY_CODES[content.triage.priority]),
        *(contained(codes.COMMENT, words) for words in comments),
    )
