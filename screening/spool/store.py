"""Durable files, named by the digest of what they hold.

    <root>/incoming/   objects on their way in; swept when abandoned
    <root>/objects/ab/ab12...34.dcm   whole objects, DICOM Part 10 files
    <root>/previews/   pictures of them for the page (`screening.spool.previews`)

The first two are on one file system, so an object becomes visible by one rename, whole. The digest
is the SHA-256 of the encoded data set, after the File Meta Information: the same bytes sent twice
are one file. A UID never becomes a path.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from screening.errors import OutOfSpaceError, UnreadableDataSetError
from screening.whole_files import fsync, rename_durably, sha256_from_here

PREAMBLE_BYTES = 132
GROUP_LENGTH_ELEMENT_BYTES = 12
ABANDONED_AFTER_S = 3600


class Spool:
    """The store of received objects below one folder."""

    def __init__(self, root: Path, *, min_free_bytes: int = 0) -> None:
        self.incoming = root / "incoming"
        self.previews = root / "previews"
        self._objects = root / "objects"
        self._min_free_bytes = min_free_bytes

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Prepare the spool and hold it as one that receives, so that no other sweeps our files.

        What earlier processes left half received goes at once where nobody else receives into
        this spool, else when it has lain untouched for an hour.
        """
        self.prepare()
        lock = os.open(self.incoming.with_name("incoming.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self.sweep(abandoned_after_s=0 if _is_alone(lock) else ABANDONED_AFTER_S)
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield
        finally:
            os.close(lock)

    def prepare(self) -> None:
        """Make the folders, durably."""
        self.incoming.mkdir(parents=True, exist_ok=True)
        for prefix in range(256):
            (self._objects / f"{prefix:02x}").mkdir(parents=True, exist_ok=True)
        for folder in (self._objects, self._objects.parent, self._objects.parent.parent):
            fsync(folder)

    def sweep(self, *, abandoned_after_s: float) -> int:
        """Remove incoming files that were not touched for so long; return how many."""
        horizon = time.time() - abandoned_after_s
        abandoned = [
            path
            for path in self.incoming.iterdir()
            if path.stat(follow_symlinks=False).st_mtime <= horizon
        ]
        for path in abandoned:
            path.unlink(missing_ok=True)
        return len(abandoned)

    def remove_incoming(self, begins_with: str) -> None:
        """Remove what a process that was killed left half received; its names begin with this."""
        for path in self.incoming.glob(f"{begins_with}*"):
            path.unlink(missing_ok=True)

    def require_space(self) -> None:
        """Raise OutOfSpaceError where less is free than the site wants kept."""
        free = shutil.disk_usage(self.incoming).free
        if free < self._min_free_bytes:
            raise OutOfSpaceError(
                f"spool: expected {self._min_free_bytes >> 20} MiB free, found {free >> 20} MiB; "
                "make room or lower SCREENING_MIN_FREE_MIB"
            )

    def path_of(self, sha256: str) -> Path:
        """Return where the object of this digest is kept."""
        return self._objects / sha256[:2] / f"{sha256}.dcm"

    def is_undamaged(self, sha256: str) -> bool:
        """Return whether the kept object still has its digest. Raises FileNotFoundError."""
        try:
            return data_set_sha256(self.path_of(sha256)) == sha256
        except UnreadableDataSetError:
            return False

    def keep(self, incoming: Path, sha256: str) -> Path:
        """Make an incoming object durable under its digest: fsync, rename, fsync the folder.

        Raises OutOfSpaceError where the file system does not take it.
        """
        kept = self.path_of(sha256)
        try:
            rename_durably(incoming, kept)
        except OSError as error:
            raise OutOfSpaceError(
                f"spool: expected {kept.parent} to take the object, found {error.strerror}; "
                "see that the disk has room and is writable"
            ) from error
        return kept

    def remove(self, sha256: str) -> None:
        """Remove a kept object, durably, and its pictures; one that is not there is removed.

        Raises OSError.
        """
        kept = self.path_of(sha256)
        kept.unlink(missing_ok=True)
        fsync(kept.parent)
        for picture in (self.previews / sha256[:2]).glob(f"{sha256}.*"):
            picture.unlink(missing_ok=True)


def data_set_sha256(path: Path) -> str:
    """Return the SHA-256 of the encoded data set of a Part 10 file, 64 hexadecimal digits.

    Raises UnreadableDataSetError where the file does not begin as PS3.10 7.1 says.
    """
    with path.open("rb") as file:
        head = file.read(PREAMBLE_BYTES + GROUP_LENGTH_ELEMENT_BYTES)
        if head[128:138] != b"DICM\x02\x00\x00\x00UL":
            raise UnreadableDataSetError(
                "expected a DICOM Part 10 file with File Meta Information, found something else"
            )
        file.seek(len(head) + int.from_bytes(head[-4:], "little"))
        return sha256_from_here(file)


def _is_alone(lock: int) -> bool:
    """Return whether no other process receives; the lock is then ours until it is shared."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
