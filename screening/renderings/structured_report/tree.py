"""Pieces of the content tree that both templates use.

Containers are SEPARATE: told CONTINUOUS, viewers run the values together (PS3.3 C.18.8).
"""

from highdicom.sr import (
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    ImageContentItem,
    ObserverContext,
    RelationshipTypeValues,
    TextContentItem,
)
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from screening.delivery.content import BundleIdentity
from screening.delivery.uids import device_uid
from screening.renderings.structured_report import codes

MANUFACTURER = "screening"
"""General Equipment and Device Observer; the project has no company behind it."""


def container(name: Code, *items: ContentItem) -> ContainerContentItem:
    """Return a container of `items`, contained itself by its parent."""
    result = ContainerContentItem(
        name=name,
        is_content_continuous=False,
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    result.ContentSequence = ContentSequence(items)
    return result


def text(name: Code, words: str) -> TextContentItem:
    """Return a text that its parent contains."""
    return TextContentItem(
        name=name, value=words, relationship_type=RelationshipTypeValues.CONTAINS
    )


def source_image(
    source: Dataset, relationship: RelationshipTypeValues, purpose: Code
) -> ImageContentItem:
    """Return the reference to the image that the report is about."""
    return ImageContentItem(
        name=purpose,
        referenced_sop_class_uid=source.SOPClassUID,
        referenced_sop_instance_uid=source.SOPInstanceUID,
        relationship_type=relationship,
    )


def device_observer(bundle: BundleIdentity) -> ObserverContext:
    """Return who observed: this bundle, as a device. Source: PS3.16 TID 1002, 1004."""
    return ObserverContext(
        observer_type=codes.DEVICE,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=device_uid(bundle.digest),
            name=f"{bundle.name} {bundle.version}",
            manufacturer_name=MANUFACTURER,
            model_name=bundle.name,
            serial_number=bundle.digest,
        ),
    )


def separate_containers(root: Dataset) -> None:
    """Set Continuity Of Content to SEPARATE in a whole tree."""
    root.walk(_separate)


def _separate(data_set: Dataset, _element: object) -> None:
    if "ContinuityOfContent" in data_set:
        data_set.ContinuityOfContent = "SEPARATE"
