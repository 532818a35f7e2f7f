"""Bundles on disk: found, identified by digest, and refused once a file differs."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from screening.bundles.manifest import MANIFEST_NAME
from screening.bundles.registry import find_bundles, load_bundle, verify_files
from screening.errors import BundleError
from tests.bundles.manifests import GOLDEN, WEIGHTS, write_bundle


def test_the_digest_is_that_of_the_manifest_file(tmp_path: Path) -> None:
    """A bundle's digest is the SHA-256 of manifest.json and its start is in the identity."""
    write_bundle(tmp_path / "one")
    bundle = load_bundle(tmp_path / "one")
    digest = hashlib.sha256((tmp_path / "one" / MANIFEST_NAME).read_bytes()).hexdigest()
    assert bundle.digest == digest
    assert bundle.identity == f"demo 1 ({digest[:12]})"


def test_other_weights_give_another_digest(tmp_path: Path) -> None:
    """The digest covers the weight files through their checksums."""
    write_bundle(tmp_path / "one", weights=b"some")
    write_bundle(tmp_path / "two", weights=b"other")
    assert load_bundle(tmp_path / "one").digest != load_bundle(tmp_path / "two").digest


def test_bundles_are_found_in_order_and_once(tmp_path: Path) -> None:
    """Direct subdirectories with a manifest are found; hidden and other ones and copies are not."""
    write_bundle(tmp_path / "released" / "b", name="b")
    write_bundle(tmp_path / "released" / "a", name="a")
    write_bundle(tmp_path / "released" / ".unfinished", name="unfinished")
    (tmp_path / "released" / "empty").mkdir()
    write_bundle(tmp_path / "site" / "copy", name="a")
    write_bundle(tmp_path / "site" / "c", name="c")
    found = find_bundles([tmp_path / "released", tmp_path / "absent", tmp_path / "site"])
    assert [bundle.manifest.name for bundle in found] == ["a", "b", "c"]


def test_an_untouched_bundle_passes(tmp_path: Path) -> None:
    """Files as the manifest describes them are accepted."""
    write_bundle(tmp_path / "one")
    verify_files(load_bundle(tmp_path / "one"))


@pytest.mark.parametrize("file", [WEIGHTS, GOLDEN])
@pytest.mark.parametrize("content", [b"", b"wEIGHTS", b"weights and more"])
def test_a_tampered_file_is_refused_by_name(tmp_path: Path, file: str, content: bytes) -> None:
    """A weights or golden file with another byte or length is refused, and named."""
    write_bundle(tmp_path / "one")
    (tmp_path / "one" / file).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{file}: expected \d+ bytes with SHA-256"):
        verify_files(load_bundle(tmp_path / "one"))


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    """A file that the manifest names and that is absent is refused, and named."""
    write_bundle(tmp_path / "one")
    (tmp_path / "one" / WEIGHTS).unlink()
    with pytest.raises(BundleError, match=f"{WEIGHTS}: expected a file of bundle demo 1"):
        verify_files(load_bundle(tmp_path / "one"))


def test_bundles_do_not_load_tensorflow() -> None:
    """A fresh interpreter that imports every bundle module has neither TensorFlow nor Keras."""
    program = (
        "import pkgutil, importlib, sys, screening.bundles as package\n"
        "names = [m.name for m in pkgutil.iter_modules(package.__path__, 'screening.bundles.')]\n"
        "assert len(names) >= 2, names\n"
        "for name in names: importlib.import_module(name)\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
