"""Half-open connections: those without an association request yet, limited for each address.

A new connection is never turned away; where there are too many, the oldest is closed instead. A
modality sends its association request within milliseconds, so the oldest one is a silent one.
"""

import socket
import threading
from collections import Counter
from contextlib import suppress

HALF_OPEN_IN_ALL = 256
"""From all addresses together: each has a thread."""


class HalfOpenConnections:
    """The half-open connections, oldest first; safe to use from any thread."""

    def __init__(self, *, per_address: int, in_all: int) -> None:
        self._per_address = per_address
        self._in_all = in_all
        self._waiting: dict[socket.socket, str] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: socket.socket, address: str, *, of_proxy: bool = False) -> str | None:
        """Add a connection; return the address whose oldest one was closed for it, if any was.

        of_proxy: the proxy at `address` has not said yet for whom it connects, so no limit applies.
        """
        with self._lock:
            return self._add(connection, address, limited=not of_proxy)

    def move(self, connection: socket.socket, address: str) -> str | None:
        """Count a connection under the address that its proxy names; return what `add` does.

        One that was closed in the meantime stays closed.
        """
        with self._lock:
            if self._waiting.pop(connection, None) is None:
                return None
            return self._add(connection, address, limited=True)

    def _add(self, connection: socket.socket, address: str, *, limited: bool) -> str | None:
        crowded = self._crowded_address(address, limited=limited)
        if crowded is not None:
            oldest = next(one for one, where in self._waiting.items() if where == crowded)
            del self._waiting[oldest]
            hang_up(oldest)
        self._waiting[connection] = address
        return crowded

    def remove(self, connection: socket.socket) -> None:
        """Forget a connection: its request has come, or it has ended."""
        with self._lock:
            self._waiting.pop(connection, None)

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            for connection in self._waiting:
                hang_up(connection)
            self._waiting.clear()

    def _crowded_address(self, newcomer: str, *, limited: bool) -> str | None:
        counts = Counter(self._waiting.values())
        if limited and counts[newcomer] >= self._per_address:
            return newcomer
        if len(self._waiting) >= self._in_all:
            return counts.most_common(1)[0][0]
        return None


def hang_up(connection: socket.socket) -> None:
    """Wake the thread that reads from a connection; that thread closes it.

    Uses the plain socket's `shutdown`: a TLS socket's own would break the thread's read.
    """
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
