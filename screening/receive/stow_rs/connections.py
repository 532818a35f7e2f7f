"""Connections with the limits that uvicorn does not set: how many, and how long without a request.

They stand in for the SCP's ARTIM timeout and its limit of connections without an association.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from screening.receive.stow_rs.answers import RETRY_AFTER_S

IDLE_S = 10.0
"""A connection has this long for the head of a request, and for what follows an early answer."""
LOOK_S = 1.0
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Retry-After: %d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
) % RETRY_AFTER_S


class GuardedConnection(H11Protocol):  # type: ignore[misc]  # uvicorn counts as untyped
    """uvicorn's connection: one too many is answered 503, an idle one is cut.

    How many there may be is uvicorn's `limit_concurrency`, which alone holds for requests only.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin, or refuse."""
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            transport.write(FULL)
            transport.close()
        self._busy_at = self.loop.time()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._next_look.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Cut the connection where nothing has been asked, or is being answered, for long."""
        now_s = self.loop.time()
        if self.cycle is not None and not self.cycle.response_complete:
            self._busy_at = now_s
        if now_s - self._busy_at > IDLE_S:
            self.transport.abort()
        self._next_look = self.loop.call_later(LOOK_S, self._look)
