"""Pictures of spooled objects, kept for the page: within a limit, and never longer than the object.

    <root>/ab/ab12...34.preview.jpg

What is lost here is made again from the object, so nothing is written durably.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from screening.spool.store import Spool
from screening.whole_files import write_whole

ROOM_AFTER_TIDYING = 0.9
"""Of the limit is used after room was made, so that not every new file makes room."""
_DIGEST_LENGTH = 64


class PictureKind(StrEnum):
    """What is made of an object; the value is the end of the file's name."""

    PREVIEW = "preview.jpg"
    VALUES = "values.gz"


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    sha256: str
    size_bytes: int
    used_at: float


class Previews:
    """The folder of pictures of one spool's objects.

    largest_bytes: how much it may hold after `tidy`.
    """

    def __init__(self, root: Path, spool: Spool, *, largest_bytes: int) -> None:
        self._root = root
        self._spool = spool
        self._largest_bytes = largest_bytes

    def path_of(self, sha256: str, kind: PictureKind) -> Path:
        """Return where the picture of an object is kept."""
        return self._root / sha256[:2] / f"{sha256}.{kind}"

    def read(self, sha256: str, kind: PictureKind) -> bytes | None:
        """Return a picture of an object that the spool has, None where it must be made first."""
        path = self.path_of(sha256, kind)
        if not self._has_object(sha256):
            return None
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content

    def keep(self, sha256: str, kind: PictureKind, content: bytes) -> None:
        """Keep a picture, unless its object has left the spool meanwhile. Raises OSError."""
        path = self.path_of(sha256, kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content, durable=False)
        if not self._has_object(sha256):  # whoever removes the object first looks for pictures last
            path.unlink(missing_ok=True)

    def tidy(self) -> int:
        """Remove pictures whose object has left, then those unused longest; return how many."""
        gone: list[_Kept] = []
        left: list[_Kept] = []
        for one in sorted(self._found(), key=lambda one: one.used_at):
            (left if self._has_object(one.sha256) else gone).append(one)
        size_bytes = sum(one.size_bytes for one in left)
        wanted = self._largest_bytes
        if size_bytes > wanted:
            wanted = int(ROOM_AFTER_TIDYING * wanted)
        for one in left:
            if size_bytes <= wanted:
                break
            gone.append(one)
            size_bytes -= one.size_bytes
        for one in gone:
            one.path.unlink(missing_ok=True)
        return len(gone)

    def _found(self) -> Iterator[_Kept]:
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            try:
                status = path.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # another process tidies too
            sha256 = path.name.removeprefix(".")[:_DIGEST_LENGTH]
            yield _Kept(path, sha256, status.st_size, status.st_mtime)

    def _has_object(self, sha256: str) -> bool:
        return self._spool.path_of(sha256).exists()
