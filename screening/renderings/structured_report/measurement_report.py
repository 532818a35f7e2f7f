"""The content tree of the coded profiles: TID 1500 Measurement Report.

Source: DICOM PS3.16 TID 1500, 1501, 300, 1600, 4019; IHE RAD AI Results (AIR).
"""

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    ContainerContentItem,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
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
from screening.renderings.structured_report.narrative import (
    calibration_in_words,
    findings_in_words,
    provenance_in_words,
    summary,
)
from screening.renderings.structured_report.tree import (
    container,
    device_observer,
    separate_containers,
    source_image,
    text,
)

COMBINATION_RULE = "weighted mean of the members' calibrated probabilities"


def measurement_report(source: Dataset, content: ReportContent) -> Dataset:
    """Return the root container: priority and comments, image library, one group per class.

    source: as `clean_source` returns it. Raises BundleError where the scores name a member that
    the bundle does not list.
    """
    report = MeasurementReport(
        observation_context=ObservationContext(
            observer_device_context=device_observer(content.bundle)
        ),
        procedure_reported=codes.IMAGING_PROCEDURE,
        imaging_measurements=[_measurement_group(source, content, klass) for klass in Class],
    )
    root: Dataset = report[0]
    # The measurements come last so far. Readers render in this order: plain words come before them.
    for item in (_qualitative_evaluations(content), _image_library(source)):
        root.ContentSequence.insert(len(root.ContentSequence) - 1, item)
    separate_containers(root)
    return root


def _measurement_group(
    source: Dataset, content: ReportContent, klass: Class
) -> MeasurementsAndQualitativeEvaluations:
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=tracking_uid(source.SOPInstanceUID, content.bundle.digest, klass),
            identifier=f"{CLASS_TITLES[klass]} probability",
        ),
        finding_type=codes.CLASS_CODES[klass],
        finding_sites=[FindingSite(codes.LUNG)],
        measurements=_probabilities(content, klass),
        source_images=[
            SourceImageForMeasurementGroup(
                referenced_sop_class_uid=source.SOPClassUID,
                referenced_sop_instance_uid=source.SOPInstanceUID,
            )
        ],
    )


def _probabilities(content: ReportContent, klass: Class) -> list[Measurement]:
    bundle, scores = content.bundle, content.scores
    members = {member.name: member for member in bundle.members}
    if unknown := [m.member for m in scores.members if m.member not in members]:
        raise BundleError(
            f"expected scores of the members {', '.join(members)} of bundle {bundle.name}, "
            f"found {', '.join(unknown)}; classify the image again with this bundle"
        )
    return [
        _probability(scores.ensemble.of(klass), _ensemble_algorithm(content)),
        *(
            _probability(m.calibrated.of(klass), _member_algorithm(bundle, members[m.member]))
            for m in scores.members
        ),
    ]


def _probability(probability: float, algorithm: AlgorithmIdentification) -> Measurement:
    return Measurement(
        name=codes.PROBABILITY,
        value=round(100 * probability, 2),
        unit=codes.PERCENT,
        algorithm_id=algorithm,
    )


def _ensemble_algorithm(content: ReportContent) -> AlgorithmIdentification:
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
    ]


def _member_algorithm(bundle: BundleIdentity, member: MemberIdentity) -> AlgorithmIdentification:
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


def _algorithm(bundle: BundleIdentity, name: str, parameters: list[str]) -> AlgorithmIdentification:
    untrained = [] if bundle.trained else ["UNTRAINED: random weights"]
    return AlgorithmIdentification(
        name=name,
        version=bundle.version,
        parameters=[*untrained, *parameters],
        family=codes.ARTIFICIAL_INTELLIGENCE,
    )


def _image_library(source: Dataset) -> ContainerContentItem:
    # highdicom's own image library needs Rows, Patient Orientation and Imager Pixel Spacing.
    image = source_image(source, RelationshipTypeValues.CONTAINS, codes.SOURCE)
    return container(codes.IMAGE_LIBRARY, container(codes.IMAGE_LIBRARY_GROUP, image))


def _qualitative_evaluations(content: ReportContent) -> ContainerContentItem:
    priority = CodeContentItem(
        name=codes.PRIORITY,
        value=codes.PRIORITY_CODES[content.triage.priority],
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    comments = (
        *summary(content),
        *findings_in_words(content),
        calibration_in_words(content),
        provenance_in_words(content),
    )
    return container(
        codes.QUALITATIVE_EVALUATIONS,
        priority,
        *(text(codes.COMMENT, words) for words in comments),
    )
