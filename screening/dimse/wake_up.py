"""Wakes a thread that waits for its connection: there is something else to do."""

import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MILLISECONDS = 1000


class WakeUp:
    """One thread waits, any thread wakes it."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold what the waiting thread needs for it, one file descriptor."""
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            yield
        finally:
            with self._lock:  # a descriptor that is closed may be another file's at once
                os.close(self._descriptor)
                self._descriptor = None

    def wake(self) -> None:
        """Wake the thread, or let it not wait the next time; do nothing where it has ended."""
        with self._lock:
            if self._descriptor is not None:
                os.eventfd_write(self._descriptor, 1)

    def wait(self, connection: int, timeout_s: float) -> None:
        """Wait until something is to be read from `connection`, or `wake`, or for so long.

        connection: a file descriptor, -1 for none.
        """
        if self._descriptor is None:
            return
        waiting = select.poll()
        waiting.register(self._descriptor, select.POLLIN)
        if connection >= 0:
            waiting.register(connection, select.POLLIN)
        ready = waiting.poll(timeout_s * MILLISECONDS)
        if any(descriptor == self._descriptor for descriptor, _ in ready):
            os.eventfd_read(self._descriptor)
