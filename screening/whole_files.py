"""Files that are in their place whole or not at all, also after a power cut; their digests."""

import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path


@contextmanager
def whole_path(path: Path, *, durable: bool = True, sole_writer: bool = False) -> Iterator[Path]:
    """Yield a path beside `path`, and put what the block wrote there in its place.

    Where the block or the disk fails nothing is left, and `path` is as it was. durable: what
    stands there afterwards also survives a power cut. sole_writer: nobody else writes this file
    meanwhile, so that what a killed process left is overwritten. Raises OSError.
    """
    tag = "" if sole_writer else f".{uuid.uuid4().hex}"
    unfinished = path.with_name(f".{path.name}{tag}.part")
    try:
        yield unfinished
        if durable:
            rename_durably(unfinished, path)
        else:
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(
    path: Path, content: bytes, *, durable: bool = True, sole_writer: bool = False
) -> None:
    """Write a file as `whole_path` does."""
    with whole_path(path, durable=durable, sole_writer=sole_writer) as unfinished:
        unfinished.write_bytes(content)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`, and put it with all in it in its place, readable by all.

    Where the block fails nothing is left. Raises OSError, also where something stands there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        for written in unfinished.rglob("*"):
            fsync(written)
        fsync(unfinished)
        unfinished.rename(path)
        fsync(path.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def rename_durably(written: Path, path: Path) -> None:
    """Put a file that is written in its place, so that it survives a power cut. Raises OSError."""
    fsync(written)
    written.replace(path)
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Have the disk keep a file, or which files a folder has. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return sha256_from_here(file)


def sha256_from_here(file: BufferedReader) -> str:
    """Return the SHA-256 of what is left to read of an open file. Raises OSError."""
    return hashlib.file_digest(file, "sha256").hexdigest()
