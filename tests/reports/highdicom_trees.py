"""The content trees as highdicom builds them: of PS3.16's templates, checked as it knows them."""

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from screening.delivery.content import BundleIdentity, ReportContent
from screening.delivery.uids import device_uid, tracking_uid
from screening.domain.scores import CLASS_TITLES, Class
from screening.renderings.structured_report import codes
from screening.renderings.structured_report import narrative as said

CONTAINS = RelationshipTypeValues.CONTAINS


def measurement_report(source: Dataset, content: ReportContent) -> Dataset:
    """Return the root of TID 1500."""
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(content.bundle)),
        procedure_reported=_code(codes.IMAGING_PROCEDURE),
        imaging_measurements=[_group(source, content, klass) for klass in Class],
    )
    root: Dataset = report[0]
    for item in (_evaluations(content), _library(source)):
        root.ContentSequence.insert(len(root.ContentSequence) - 1, item)
    root.walk(_separate)
    return root


def basic_text_report(source: Dataset, content: ReportContent) -> Dataset:
    """Return the root of TID 2000."""
    root: Dataset = ContainerContentItem(
        name=_code(codes.DIAGNOSTIC_IMAGING_REPORT), is_content_continuous=False, template_id="2000"
    )
    findings = [_text(codes.FINDING, words) for words in said.findings_in_words(content)]
    inferred_from = RelationshipTypeValues.INFERRED_FROM
    findings[0].ContentSequence = ContentSequence(
        [_image(source, codes.BEST_ILLUSTRATION, inferred_from)]
    )
    context = (said.calibration_in_words(content), said.provenance_in_words(content))
    findings += [_text(codes.FINDING, words) for words in context]
    conclusions = (_text(codes.CONCLUSION, words) for words in said.summary(content))
    root.ContentSequence = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(_code(codes.ENGLISH)),
            *_observer(content.bundle),
            _container(codes.CONCLUSIONS, *conclusions),
            _container(codes.FINDINGS, *findings),
        ]
    )
    return root


def _code(code: codes.Code) -> Code:
    return Code(*code)


def _separate(data_set: Dataset, _element: object) -> None:
    if "ContinuityOfContent" in data_set:
        data_set.ContinuityOfContent = "SEPARATE"


def _container(name: codes.Code, *items: ContentItem) -> ContainerContentItem:
    result = ContainerContentItem(
        name=_code(name), is_content_continuous=False, relationship_type=CONTAINS
    )
    result.ContentSequence = ContentSequence(items)
    return result


def _text(name: codes.Code, words: str) -> TextContentItem:
    return TextContentItem(name=_code(name), value=words, relationship_type=CONTAINS)


def _image(
    source: Dataset, name: codes.Code, relationship: RelationshipTypeValues
) -> ImageContentItem:
    return ImageContentItem(
        name=_code(name),
        referenced_sop_class_uid=source.SOPClassUID,
        referenced_sop_instance_uid=source.SOPInstanceUID,
        relationship_type=relationship,
    )


def _observer(bundle: BundleIdentity) -> ObserverContext:
    return ObserverContext(
        observer_type=_code(codes.DEVICE),
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=device_uid(bundle.digest),
            name=f"{bundle.name} {bundle.version}",
            manufacturer_name="screening",
            model_name=bundle.name,
            serial_number=bundle.digest,
        ),
    )


def _group(
    source: Dataset, content: ReportContent, klass: Class
) -> MeasurementsAndQualitativeEvaluations:
    bundle, scores = content.bundle, content.scores
    members = {member.name: member for member in bundle.members}
    weights = ", ".join(f"{member.name} {member.weight:g}" for member in bundle.members)
    combination = [
        "combination: weighted mean of the members' calibrated probabilities",
        f"member weights: {weights}",
        f"bundle digest: {bundle.digest}",
    ]
    if (calibration := content.calibration) is None:
        combination.append("site calibration: none, not calibrated for this site")
    else:
        combination.append(f"site calibration: {calibration.name}, sha256 {calibration.sha256}")
        combination += [f"site calibration, {rule}" for rule in calibration.rules]
    measurements = [
        _measurement(bundle, scores.ensemble.of(klass), f"{bundle.name} ensemble", combination)
    ]
    for scored in scores.members:
        member = members[scored.member]
        parameters = [
            f"architecture: {member.architecture}",
            f"weights sha256: {member.weights_sha256}",
            f"input: {member.input_height} x {member.input_width} pixels",
            f"weight in the ensemble: {member.weight:g}",
        ]
        name = f"{bundle.name} member {member.name}"
        measurements.append(_measurement(bundle, scored.calibrated.of(klass), name, parameters))
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=tracking_uid(source.SOPInstanceUID, bundle.digest, klass),
            identifier=f"{CLASS_TITLES[klass]} probability",
        ),
        finding_type=_code(codes.CLASS_CODES[klass]),
        finding_sites=[FindingSite(_code(codes.LUNG))],
        measurements=measurements,
        source_images=[
            SourceImageForMeasurementGroup(
                referenced_sop_class_uid=source.SOPClassUID,
                referenced_sop_instance_uid=source.SOPInstanceUID,
            )
        ],
    )


def _measurement(
    bundle: BundleIdentity, probability: float, name: str, parameters: list[str]
) -> Measurement:
    untrained = [] if bundle.trained else ["UNTRAINED: random weights"]
    return Measurement(
        name=_code(codes.PROBABILITY),
        value=round(100 * probability, 2),
        unit=_code(codes.PERCENT),
        algorithm_id=AlgorithmIdentification(
            name=name,
            version=bundle.version,
            parameters=[*untrained, *parameters],
            family=_code(codes.ARTIFICIAL_INTELLIGENCE),
        ),
    )


def _library(source: Dataset) -> ContainerContentItem:
    image = _image(source, codes.SOURCE, CONTAINS)
    return _container(codes.IMAGE_LIBRARY, _container(codes.IMAGE_LIBRARY_GROUP, image))


def _evaluations(content: ReportContent) -> ContainerContentItem:
    priority = CodeContentItem(
        name=_code(codes.PRIORITY),
        value=_code(codes.PRIORITY_CODES[content.triage.priority]),
        relationship_type=CONTAINS,
    )
    comments = (
        *said.summary(content),
        *said.findings_in_words(content),
        said.calibration_in_words(content),
        said.provenance_in_words(content),
    )
    return _container(
        codes.QUALITATIVE_EVALUATIONS,
        priority,
        *(_text(codes.COMMENT, words) for words in comments),
    )
