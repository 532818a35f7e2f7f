"""UIDs of what we write, derived so that a repeated report is the same report.

Every UID is "2.25." and a name-based UUID of its parts, so it needs no counter, no clock and no
registered root. Source: DICOM PS3.5 B.2 (UUID derived UID); RFC 9562 section 5.5 (version 5).
"""

import uuid

NAMESPACE = uuid.UUID("6f0c2c5e-8a39-5d0b-9d5a-2f1e4b7c9a10")
"""Namespace of this project's UIDs; changing it changes every derived UID."""

REPORT_SCHEMA_VERSION = "2"
"""Raise it when the content of a report changes for the same arguments."""

_SEPARATOR = "\u001f"


def derived_uid(*parts: str) -> str:
    """Return the UID of these parts: at most 44 characters, equal for equal parts."""
    return f"2.25.{uuid.uuid5(NAMESPACE, _SEPARATOR.join(parts)).int}"


def report_instance_uid(
    source_sop_instance_uid: str, bundle_digest: str, written_as: str, revision: int = 0
) -> str:
    """Return the UID of the report on one image by one bundle in one rendering.

    written_as: the SOP class UID; of what is no DICOM object, the rendering's name.
    revision: how many such reports there were before, 0 for the first.
    """
    parts = ("sr", source_sop_instance_uid, bundle_digest, REPORT_SCHEMA_VERSION, written_as)
    return derived_uid(*parts, *([str(revision)] if revision else []))


def report_series_uid(study_instance_uid: str, bundle_digest: str) -> str:
    """Return the Series Instance UID of a bundle's reports in one study."""
    return derived_uid("series", study_instance_uid, bundle_digest, REPORT_SCHEMA_VERSION)


def heat_map_series_uid(study_instance_uid: str, bundle_digest: str) -> str:
    """Return the Series Instance UID of the pictures of a bundle's heat-maps in one study."""
    return derived_uid("heat-map-series", study_instance_uid, bundle_digest)


def tracking_uid(source_sop_instance_uid: str, bundle_digest: str, finding: str) -> str:
    """Return the Tracking Unique Identifier of one finding on one image by one bundle."""
    return derived_uid("tracking", source_sop_instance_uid, bundle_digest, finding)


def device_uid(bundle_digest: str) -> str:
    """Return the Device UID of a bundle: another one after each retraining, as IHE AIR asks."""
    return derived_uid("device", bundle_digest)


def missing_series_uid(study_instance_uid: str) -> str:
    """Return the UID that stands in for the series of an image that names none."""
    return derived_uid("missing-series", study_instance_uid)
