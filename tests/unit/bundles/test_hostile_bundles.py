"""A bundle from anywhere is refused before anything of it is used or run."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from screening.bundles.manifest import MANIFEST_NAME, parse_manifest
from screening.bundles.registry import load_bundle, verify_files
from screening.errors import BundleError
from tests.bundles.manifests import GOLDEN, WEIGHTS, valid_manifest, write_bundle


def manifest_naming(what: str, file: str) -> bytes:
    """Return a manifest whose weights, golden image or statistics are this file."""
    manifest: dict[str, Any] = valid_manifest()
    if what == "statistics":
        manifest["picture_check"] = {
            "member": "coronet",
            "layer": "pooled",
            "method": "mahalanobis",
            "threshold": 1.5,
            "statistics": {"file": file, "sha256": "0" * 64, "bytes": 10},
        }
    else:
        part = {"weights": manifest["members"][0]["weights"], "golden": manifest["golden"]}[what]
        part[0]["file"] = file
    return json.dumps(manifest).encode()


@pytest.mark.parametrize("what", ["weights", "golden", "statistics"])
@pytest.mark.parametrize(
    "place", ["../{}", "/etc/{}", "sub/{}", "..\\{}", ".{}", "a/../{}", "{}\n", "{}\0", "~{}", ""]
)
def test_a_file_elsewhere_cannot_be_named(what: str, place: str) -> None:
    """Only plain names of the bundle's own directory."""
    name = "golden-9.png" if what == "golden" else "member-9.npz"
    with pytest.raises(BundleError, match="file"):
        parse_manifest(manifest_naming(what, place.format(name)), Path("bundle"))
    parse_manifest(manifest_naming(what, name), Path("bundle"))


@pytest.mark.parametrize("what", ["weights", "statistics"])
@pytest.mark.parametrize(
    "name", ["a.keras", "a.h5", "a.pkl", "a.pt", "a.npy", "a.joblib", "a.npz.pkl", "npz"]
)
def test_only_plain_arrays_can_be_weights(what: str, name: str) -> None:
    """Other formats can run code when they are read."""
    with pytest.raises(BundleError, match=r"expected a \.npz file of plain arrays"):
        parse_manifest(manifest_naming(what, name), Path("bundle"))


def test_only_a_png_can_be_a_golden_image() -> None:
    """Nothing that a decoder of another kind would open."""
    with pytest.raises(BundleError, match=r"expected a \.png file"):
        parse_manifest(manifest_naming("golden", "golden-1.eps"), Path("bundle"))


@pytest.mark.parametrize("file", [WEIGHTS, GOLDEN])
def test_a_symbolic_link_is_refused_whatever_it_leads_to(tmp_path: Path, file: str) -> None:
    """Also one with the right content: tomorrow it may lead elsewhere."""
    write_bundle(tmp_path / "one")
    bundle = load_bundle(tmp_path / "one")
    (tmp_path / "one" / file).rename(tmp_path / "elsewhere")
    (tmp_path / "one" / file).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=f"{file}: expected a file of bundle demo 1"):
        verify_files(bundle)


def test_a_manifest_that_is_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    """It says what everything else must be."""
    write_bundle(tmp_path / "one")
    (tmp_path / "one" / MANIFEST_NAME).rename(tmp_path / "elsewhere")
    (tmp_path / "one" / MANIFEST_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="expected a bundle's manifest"):
        load_bundle(tmp_path / "one")


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    """A pipe does not hang the reader, a directory does not confuse it."""
    for make in (os.mkfifo, os.mkdir):
        directory = tmp_path / make.__name__
        write_bundle(directory)
        (directory / WEIGHTS).unlink()
        make(directory / WEIGHTS)
        with pytest.raises(BundleError, match=f"{WEIGHTS}: expected a file of bundle demo 1"):
            verify_files(load_bundle(directory))
