"""Pieces of the content tree that both templates use."""

from collections.abc import Iterator

from pydicom.dataset import Dataset

from screening.delivery.content import BundleIdentity
from screening.delivery.uids import device_uid
from screening.renderings.structured_report import codes
from screening.renderings.structured_report.codes import Code
from screening.renderings.structured_report.content_item import (
    ContentItem,
    ImageReference,
    Relationship,
    Separate,
    Uid,
    Value,
)

MANUFACTURER = "screening"
"""General Equipment and Device Observer; the project has no company behind it."""


def root(name: Code, template: str, *items: ContentItem) -> ContentItem:
    """Return the whole tree. template: Template Identifier of PS3.16."""
    return ContentItem(None, name, Separate(template), items)


def container(name: Code, *items: ContentItem, template: str = "") -> ContentItem:
    """Return a container of `items`, contained itself by its parent."""
    return ContentItem(Relationship.CONTAINS, name, Separate(template), items)


def contained(name: Code, value: Value, *items: ContentItem) -> ContentItem:
    """Return an item that its parent contains."""
    return ContentItem(Relationship.CONTAINS, name, value, items)


def modifier(name: Code, value: Value) -> ContentItem:
    """Return an item that says more about its parent's concept."""
    return ContentItem(Relationship.HAS_CONCEPT_MOD, name, value)


def context(name: Code, value: Value) -> ContentItem:
    """Return an item that says under which circumstances its parent was observed."""
    return ContentItem(Relationship.HAS_OBS_CONTEXT, name, value)


def source_image(source: Dataset) -> ImageReference:
    """Return the reference to the image that the report is about."""
    return ImageReference(str(source.SOPClassUID), str(source.SOPInstanceUID))


def language() -> ContentItem:
    """Return the language of all text. Source: PS3.16 TID 1204."""
    return modifier(codes.LANGUAGE, codes.ENGLISH)


def device_observer(bundle: BundleIdentity) -> Iterator[ContentItem]:
    """Return who observed: this bundle, as a device. Source: PS3.16 TID 1002, 1004."""
    yield context(codes.OBSERVER_TYPE, codes.DEVICE)
    yield context(codes.DEVICE_OBSERVER_UID, Uid(device_uid(bundle.digest)))
    yield context(codes.DEVICE_OBSERVER_NAME, f"{bundle.name} {bundle.version}")
    yield context(codes.DEVICE_OBSERVER_MANUFACTURER, MANUFACTURER)
    yield context(codes.DEVICE_OBSERVER_MODEL_NAME, bundle.name)
    yield context(codes.DEVICE_OBSERVER_SERIAL_NUMBER, bundle.digest)
