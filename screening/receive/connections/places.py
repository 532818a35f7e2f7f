"""How many associations there may be at once, in one process or in several together."""

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_COUNT = struct.Struct("=I")


class Places(Protocol):
    """The places for associations, as one process sees them; safe to use from any thread."""

    def take(self) -> bool:
        """Take a place; return whether one was free."""

    def give_back(self) -> None:
        """Give back a place that was taken."""


class SharedPlaces:
    """The places of several processes, which they share by being forked from the one that made it.

    Each counts its own, so that the places of a process that was killed can be freed. The lock is
    the kernel's, which frees it whatever happens to the process that has it.
    """

    def __init__(self, processes: int, most: int) -> None:
        """most: associations of all processes together."""
        self._processes = processes
        self._most = most
        self._descriptor = os.memfd_create("places")
        os.ftruncate(self._descriptor, _COUNT.size * processes)
        self._counts = mmap.mmap(self._descriptor, _COUNT.size * processes)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give back the memory, in this process."""
        self._counts.close()
        os.close(self._descriptor)

    def take(self, process: int) -> bool:
        """Take a place for a process; return whether one was free."""
        with self._locked():
            if sum(map(self.taken, range(self._processes))) >= self._most:
                return False
            self._count(process, self.taken(process) + 1)
        return True

    def give_back(self, process: int) -> None:
        """Give back a place of a process."""
        with self._locked():
            self._count(process, self.taken(process) - 1)

    def clear(self, process: int) -> None:
        """Free the places of a process that has ended."""
        with self._locked():
            self._count(process, 0)

    def taken(self, process: int) -> int:
        """Return how many places a process has."""
        (count,) = _COUNT.unpack_from(self._counts, _COUNT.size * process)
        return int(count)

    def _count(self, process: int, count: int) -> None:
        _COUNT.pack_into(self._counts, _COUNT.size * process, count)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:  # the kernel's lock is the process's, not the thread's
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


class PlacesOf:
    """The places of one process among several."""

    def __init__(self, shared: SharedPlaces, process: int) -> None:
        self._shared = shared
        self._process = process

    def take(self) -> bool:
        """Take a place; return whether one was free."""
        return self._shared.take(self._process)

    def give_back(self) -> None:
        """Give back a place that was taken."""
        self._shared.give_back(self._process)


class OwnPlaces:
    """The places of a process that serves alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a place; return whether one was free."""
        with self._lock:
            if self._taken >= self._most:
                return False
            self._taken += 1
        return True

    def give_back(self) -> None:
        """Give back a place that was taken."""
        with self._lock:
            self._taken -= 1
