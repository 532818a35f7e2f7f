"""A file system for the spool alone, whose size is changed while it is in use."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.sites.site import wait_until

LARGE = "size=2g"
"""Of a tmpfs: it takes memory only for what lies in it."""


class DiskNotAllowedError(Exception):
    """A file system cannot be mounted here."""


class SmallDisk:
    """A mounted tmpfs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def leave_free(self, size_bytes: int) -> None:
        """Shrink it, in use, to what lies on it and a little more."""
        wait_until(lambda: self._shrunk(size_bytes), "the disk to shrink", 10)

    def make_large(self) -> None:
        """Give it all its room back."""
        self._remount(LARGE)

    @contextlib.contextmanager
    def nothing_can_be_created_in(self, folder: Path) -> Iterator[None]:
        """Cover a folder by an empty file system that is mounted read-only.

        The one below cannot be: the receiver holds a file open for writing.
        """
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)

    def _shrunk(self, size_bytes: int) -> bool:
        used_kib = (shutil.disk_usage(self._folder).used + size_bytes) // 1024
        return self._remount(f"size={used_kib}k")

    def _remount(self, options: str) -> bool:
        command = ["mount", "-o", f"remount,{options}", str(self._folder)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount a file system at a folder. Raises DiskNotAllowedError where only root may."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", LARGE, "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        raise DiskNotAllowedError("a file system cannot be mounted here: only root may")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
