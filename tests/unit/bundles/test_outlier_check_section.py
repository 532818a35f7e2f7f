"""What the manifest says of the outlier check."""

import json
from pathlib import Path
from typing import Any

import pytest

from screening.bundles.manifest import Manifest, manifest_bytes, parse_manifest
from screening.bundles.parts import OutlierCheckMethod, OutlierCheckSection
from screening.errors import BundleError
from tests.bundles.manifests import SHA256, valid_manifest

SECTION: dict[str, Any] = {
    "member": "coronet",
    "layer": "block14_sepconv2_act",
    "method": "mahalanobis",
    "threshold": 1.5,
    "statistics": {"file": "known-pictures.npz", "sha256": SHA256, "bytes": 10},
}


def parse(**changes: Any) -> Manifest:
    """Parse a manifest whose outlier check has these changes."""
    content = valid_manifest() | {"picture_check": SECTION | changes}
    return parse_manifest(json.dumps(content).encode(), Path("some-bundle"))


def test_the_section_is_read_and_its_file_belongs_to_the_bundle() -> None:
    """Its statistics are verified by digest like every other file."""
    manifest = parse()
    assert isinstance(manifest.outlier_check, OutlierCheckSection)
    assert manifest.outlier_check.method is OutlierCheckMethod.MAHALANOBIS
    assert manifest.files[-1].file == "known-pictures.npz"
    assert parse_manifest(manifest_bytes(manifest), Path("some-bundle")) == manifest


def test_a_bundle_without_the_section_says_nothing_of_it() -> None:
    """Its bytes, and so its digest, are those that versions without the check write and read."""
    manifest = parse_manifest(json.dumps(valid_manifest()).encode(), Path("some-bundle"))
    assert manifest.outlier_check is None
    assert b"picture_check" not in manifest_bytes(manifest)
    assert "picture_check" in json.loads(manifest_bytes(parse()))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"member": "vgg"}, "expected one of the members concatenated, coronet, found vgg"),
        ({"method": "guess"}, "picture_check.method"),
        ({"threshold": 0}, "picture_check.threshold"),
        ({"layer": "../layer"}, "picture_check.layer"),
        (
            {"statistics": SECTION["statistics"] | {"file": "coronet-1-of-1.npz"}},
            "files with names of",
        ),
    ],
)
def test_a_wrong_section_is_refused(changes: dict[str, Any], complaint: str) -> None:
    """By field, with what was expected."""
    with pytest.raises(BundleError, match=complaint):
        parse(**changes)
