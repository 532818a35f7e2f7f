"""Bundles on disk: finding, identifying and verifying them."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from screening.bundles.manifest import (
    MANIFEST_NAME,
    Manifest,
    parse_manifest,
    read_manifest_bytes,
)
from screening.bundles.parts import BundleFile
from screening.errors import BundleError
from screening.whole_files import sha256_from_here

RELEASED_DIRECTORY = Path(__file__).parent / "released"
"""Where the bundles that come with this package stand."""

_DIGITS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Bundle:
    """A directory with a manifest, and the files it names."""

    directory: Path
    manifest: Manifest
    digest: str
    """SHA-256 of manifest.json, which holds the SHA-256 of every other file."""

    @property
    def identity(self) -> str:
        """Name, version and the start of the digest, as people and reports see it."""
        return f"{self.manifest.name} {self.manifest.version} ({self.digest[:_DIGITS_SHOWN]})"


def load_bundle(directory: Path) -> Bundle:
    """Read a bundle's manifest; its files are checked by `verify_files`.

    Raises BundleError where the manifest is missing or wrong.
    """
    content = read_manifest_bytes(directory)
    return Bundle(
        directory=directory,
        manifest=parse_manifest(content, directory),
        digest=hashlib.sha256(content).hexdigest(),
    )


def find_bundles(directories: Iterable[Path]) -> list[Bundle]:
    """Return the bundles in the direct subdirectories, in the order given, then by name.

    Absent directories are passed over, as are hidden subdirectories (bundles being written) and
    copies of a bundle already found. Raises BundleError for a wrong manifest.
    """
    bundles: dict[str, Bundle] = {}
    for directory in directories:
        for manifest in sorted(directory.glob(f"*/{MANIFEST_NAME}")):
            if not manifest.parent.name.startswith("."):
                bundle = load_bundle(manifest.parent)
                bundles.setdefault(bundle.digest, bundle)
    return list(bundles.values())


def verify_files(bundle: Bundle) -> None:
    """Compare size and SHA-256 of every file with the manifest.

    Raises BundleError naming the first file that is missing, no file of this directory (a symbolic
    link may lead anywhere, and elsewhere tomorrow), or differs.
    """
    for file in bundle.manifest.files:
        path = bundle.directory / file.file
        try:
            found = _sha256_and_bytes(path)
        except OSError as error:
            raise BundleError(
                f"{path}: expected a file of bundle {bundle.identity}, found none that can be read "
                f"({error.strerror}); get the bundle from its source again"
            ) from error
        if found != (file.sha256, file.bytes):
            raise BundleError(
                f"{path}: expected {file.bytes} bytes with SHA-256 {file.sha256}, found {found[1]} "
                f"bytes with {found[0]}; the file was changed or cut short: get bundle "
                f"{bundle.identity} from its source again"
            )


def describe_file(path: Path) -> BundleFile:
    """Return the manifest's entry for a file that is not empty. Raises OSError."""
    sha256, length_bytes = _sha256_and_bytes(path)
    return BundleFile(file=path.name, sha256=sha256, bytes=length_bytes)


def _sha256_and_bytes(path: Path) -> tuple[str, int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no plain file")
        return sha256_from_here(stream), stream.tell()
