"""What the manifest says of the lung field, and of what members see."""

import json
from pathlib import Path
from typing import Any

import pytest

from screening.bundles.manifest import Manifest, manifest_bytes, parse_manifest
from screening.errors import BundleError
from screening.imaging.network_input.contrast import Contrast
from screening.imaging.network_input.lung_field import LungFieldSpec, View
from tests.bundles.manifests import SHA256, valid_manifest

SECTION: dict[str, Any] = {
    "height": 128,
    "width": 112,
    "threshold": 0.5,
    "margin": 0.06,
    "least_area": 0.08,
    "least_certainty": 0.78,
    "most_between": 0.6,
    "weights": [{"file": "lung-field-1-of-1.npz", "sha256": SHA256, "bytes": 10}],
}


def parse(section: dict[str, Any] | None, **of_input: Any) -> Manifest:
    """Parse a manifest with a section on the lung field, and a member whose input has changes."""
    content = valid_manifest() | {"lung_field": section}
    content["members"][0]["input"] |= of_input
    return parse_manifest(json.dumps(content).encode(), Path("some-bundle"))


def test_the_section_is_read_and_its_files_belong_to_the_bundle() -> None:
    """Its weights are verified by digest like every other file; nothing is lost in writing."""
    manifest = parse(SECTION, view="lung_field", contrast="equalised")
    assert manifest.lung_field is not None
    assert manifest.lung_field.spec == LungFieldSpec(
        **{name: value for name, value in SECTION.items() if name != "weights"}
    )
    assert manifest.files[-1].file == "lung-field-1-of-1.npz"
    assert manifest.members[0].input.view is View.LUNG_FIELD
    assert manifest.members[0].input.spec.contrast is Contrast.EQUALISED
    assert manifest.members[1].input.view is View.WHOLE
    assert parse_manifest(manifest_bytes(manifest), Path("some-bundle")) == manifest


def test_a_bundle_without_the_section_says_nothing_of_it() -> None:
    """Versions without lung field and contrast read it: members see whole, rendered pictures."""
    manifest = parse(None)
    assert manifest.members[0].input.view is View.WHOLE
    assert manifest.members[0].input.contrast is Contrast.AS_RENDERED
    written = manifest_bytes(manifest)
    assert not any(word in written for word in (b"lung_field", b"view", b"contrast"))


def test_whole_pictures_may_be_gated_by_their_lungs() -> None:
    """The section may stand though no member sees the crop: it refuses pictures all the same."""
    assert parse(SECTION).lung_field is not None


@pytest.mark.parametrize(
    ("section", "of_input", "complaint"),
    [
        (None, {"view": "lung_field"}, "concatenated: expected a section lung_field"),
        (None, {"view": "left_lung"}, "input.view"),
        (None, {"contrast": "inverted"}, "input.contrast"),
        (SECTION | {"height": 120}, {}, "lung_field.height"),
        (SECTION | {"threshold": 1}, {}, "lung_field.threshold"),
        (SECTION | {"margin": -0.1}, {}, "lung_field.margin"),
        (SECTION | {"least_area": 0}, {}, "lung_field.least_area"),
        (SECTION | {"weights": []}, {}, "lung_field.weights"),
        ({"height": 128}, {}, "lung_field.width"),
    ],
)
def test_a_wrong_section_is_refused(
    section: dict[str, Any] | None, of_input: dict[str, Any], complaint: str
) -> None:
    """By field, with what was expected."""
    with pytest.raises(BundleError, match=complaint):
        parse(section, **of_input)
