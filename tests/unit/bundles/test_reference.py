"""reference.json: written and read beside a manifest, and refused where it is anything else."""

import json
from pathlib import Path

import pytest

from screening.bundles.manifest import parse_manifest
from screening.bundles.reference import (
    MOST_BYTES,
    REFERENCE_NAME,
    read_reference,
    read_training_levels,
    write_reference,
)
from screening.bundles.registry import Bundle
from screening.domain.drift import STEPS, SourceReference
from screening.domain.image_statistics import KNOWN_NAMES
from screening.errors import BundleError
from tests.bundles.manifests import valid_manifest

SOURCES = (
    SourceReference(
        "one",
        40,
        {name: tuple(n / STEPS for n in range(STEPS + 1)) for name in KNOWN_NAMES},
        (0.25, -1.0),
    ),
)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Return a bundle in a folder of its own."""
    manifest = parse_manifest(json.dumps(valid_manifest()).encode(), tmp_path)
    return Bundle(tmp_path, manifest, "a" * 64)


def test_what_is_written_is_read(bundle: Bundle) -> None:
    """And a bundle without the file knows nothing, which is no error."""
    assert read_reference(bundle) == ()
    write_reference(bundle, SOURCES)
    assert read_reference(bundle) == SOURCES
    assert read_training_levels(bundle) == ()
    write_reference(bundle, SOURCES, (0.0, 100.5, 255.0))
    assert (read_reference(bundle), read_training_levels(bundle)) == (SOURCES, (0.0, 100.5, 255.0))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"bundle_digest": "b" * 64}, "that of bundle bbbbbbbbbbbb"),
        ({"sources": []}, "sources"),
        ({"sources": [{"name": "one", "images": 0, "quantiles": {}}]}, "images"),
        ({"sources": [{"name": "one", "images": 1, "quantiles": {"age": [0] * 21}}]}, "found age"),
        (
            {"sources": [{"name": "a", "images": 1, "quantiles": {"detail": [1] + [0] * 20}}]},
            "ascending",
        ),
        ({"sources": [{"name": "a", "images": 1, "quantiles": {"detail": [0]}}]}, "detail"),
        ({"more": 1}, "more"),
        ({"training_levels": [1, 0]}, "ascending training_levels"),
        ({"training_levels": [0, 256]}, "training_levels"),
    ],
)
def test_anything_else_is_refused_with_its_place(
    bundle: Bundle, change: dict[str, object], told: str
) -> None:
    """Another bundle's, values that are no quantiles, and what this version does not know."""
    path = write_reference(bundle, SOURCES)
    content = json.loads(path.read_bytes()) | change
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BundleError, match=told) as error:
        read_reference(bundle)
    assert "or remove it" in str(error.value)


def test_a_file_that_is_no_json_or_too_large_is_refused(bundle: Bundle) -> None:
    """Nothing of it is read beyond the limit."""
    path = bundle.directory / REFERENCE_NAME
    for content in (b"", b"\xff\xfe", b"[1]", b" " * (MOST_BYTES + 1)):
        path.write_bytes(content)
        with pytest.raises(BundleError, match="expected what images"):
            read_reference(bundle)
