"""Waits for files that are renamed into a folder, by the kernel's inotify. Source: inotify(7)."""

import ctypes
import os
import select
import time
from pathlib import Path

_IN_MOVED_TO = 0x80
_MOST_EVENTS_BYTES = 65_536
_libc = ctypes.CDLL(None)


class FolderWatch:
    """Ends a wait as soon as a file comes.

    Where the kernel gives no watch, since its user has used up theirs, each wait takes its time.
    """

    def __init__(self, folder: Path) -> None:
        """Watch a folder from now on."""
        descriptor = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if (
            descriptor >= 0
            and _libc.inotify_add_watch(descriptor, os.fsencode(folder), _IN_MOVED_TO) < 0
        ):
            os.close(descriptor)
            descriptor = -1
        self._descriptor = descriptor

    def wait(self, longest_s: float) -> None:
        """Wait until a file has come since the last wait, or for so many seconds."""
        if self._descriptor < 0:
            time.sleep(longest_s)
            return
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if poll.poll(1000 * longest_s):
            os.read(self._descriptor, _MOST_EVENTS_BYTES)

    def close(self) -> None:
        """Watch no more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
