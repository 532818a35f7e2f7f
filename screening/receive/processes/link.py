"""What the process that accepts connections and one that serves them tell each other.

A Unix socket that keeps messages apart: a connection goes with its descriptor one way, what became
of it comes back. Both ends are of one program; nothing of a peer's is in a message but its address.
"""

import json
import socket
from dataclasses import dataclass
from typing import Any

LONGEST_MESSAGE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A connection that was accepted."""

    number: int
    connection: socket.socket
    address: Any
    """(host, port), and more for IPv6."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a connection."""

    number: int
    client: str | None = None
    """The address that its proxy names; None where it asked for an association, or has ended."""


class LinkClosedError(OSError):
    """The other process has ended."""


class Link:
    """One end of the socket between two processes."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end

    @staticmethod
    def pair() -> tuple["Link", "Link"]:
        """Return both ends: of the accepting process, which never waits, and of the serving one."""
        accepting, serving = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        accepting.setblocking(False)
        return Link(accepting), Link(serving)

    def fileno(self) -> int:
        """Return its descriptor, to wait for."""
        return self.socket.fileno()

    def close(self) -> None:
        """Close this end."""
        self.socket.close()

    def hand_over(self, number: int, connection: socket.socket, address: Any) -> None:
        """Send a connection; the caller's own descriptor of it stays open.

        Raises OSError where the other process has ended, or does not take any more.
        """
        message = json.dumps([number, connection.family, list(address)]).encode()
        socket.send_fds(self.socket, [message], [connection.fileno()])

    def take_over(self) -> HandedOver:
        """Receive a connection. Raises LinkClosedError where the other process has ended."""
        message, descriptors, _, _ = socket.recv_fds(self.socket, LONGEST_MESSAGE_BYTES, 1)
        if not message or not descriptors:
            raise LinkClosedError
        number, family, address = json.loads(message)
        connection = socket.socket(family, socket.SOCK_STREAM, fileno=descriptors[0])
        connection.settimeout(None)
        return HandedOver(number, connection, tuple(address))

    def tell(self, told: Told) -> None:
        """Send what became of a connection. Raises OSError where the other process has ended."""
        self.socket.send(json.dumps([told.number, told.client]).encode())

    def hear(self) -> Told | None:
        """Return what was told, None where nothing is. Raises LinkClosedError as `take_over`."""
        try:
            message = self.socket.recv(LONGEST_MESSAGE_BYTES)
        except BlockingIOError:
            return None
        if not message:
            raise LinkClosedError
        return Told(*json.loads(message))
