"""A process that serves the connections that another one accepts."""

import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from socket import socket
from typing import Any

from pynetdicom import AE
from pynetdicom.presentation import PresentationContext

from screening.receive.connections.half_open import hang_up
from screening.receive.connections.places import PlacesOf
from screening.receive.connections.server import ConnectionRules, ReceiveServer
from screening.receive.processes.link import Link, LinkClosedError, Told

AFTER_THE_LAST_S = 0.1


@dataclass(frozen=True, slots=True)
class Share:
    """One process's share of the work."""

    process: int
    """Its number, from 0."""
    handed: "HandedConnections"
    """Its half-open connections."""
    places: PlacesOf
    listens_on: tuple[Any, ...]
    """The address of the port that the connections come from."""
    token: str
    """What the names of its incoming files begin with."""

    @property
    def is_first(self) -> bool:
        """Whether it does what one process does for all."""
        return self.process == 0


class HandedConnections:
    """The half-open connections of this process: the one that accepts them counts them.

    It has the methods of `half_open.HalfOpenConnections`.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self._numbers: dict[int, int] = {}
        """By descriptor, which TLS keeps."""
        self._open: dict[int, socket] = {}
        self._lock = threading.Lock()

    def next(self) -> tuple[socket, Any]:
        """Wait for a connection; return it and its address.

        Where the accepting process has ended, this one is stopped. Raises OSError.
        """
        try:
            handed = self.link.take_over()
        except LinkClosedError:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(AFTER_THE_LAST_S)
            raise
        with self._lock:
            self._numbers[handed.connection.fileno()] = handed.number
        return handed.connection, handed.address

    def add(self, connection: socket, address: str, *, of_proxy: bool = False) -> None:
        """Hold a connection, which is counted already."""
        del address, of_proxy
        with self._lock:
            self._open[connection.fileno()] = connection

    def move(self, connection: socket, address: str) -> None:
        """Have a connection counted under the address that its proxy names."""
        with self._lock:
            number = self._numbers.get(connection.fileno())
        if number is not None:
            self._tell(Told(number, address))

    def remove(self, connection: socket) -> None:
        """Have a connection counted no more."""
        with self._lock:
            self._open.pop(connection.fileno(), None)
            number = self._numbers.pop(connection.fileno(), None)
        if number is not None:
            self._tell(Told(number))

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            for connection in self._open.values():
                hang_up(connection)

    def _tell(self, told: Told) -> None:
        with suppress(OSError):  # who does not hear it has ended
            self.link.tell(told)


class HandedServer(ReceiveServer):
    """Makes associations of the connections that the accepting process hands over."""

    def __init__(
        self,
        ae: AE,
        contexts: list[PresentationContext],
        handlers: list[tuple[object, ...]],
        rules: ConnectionRules,
        share: Share,
    ) -> None:
        """Take over what is handed to this process's share."""
        self._share = share
        super().__init__(ae, share.listens_on[:2], contexts, handlers, rules)

    def server_bind(self) -> None:
        """Wait for connections on the link."""
        super().server_close()  # the socket that would listen
        self.socket = self._share.handed.link.socket
        self.server_address = self._share.listens_on

    def server_activate(self) -> None:
        """Do nothing: the other process listens."""

    def accept(self) -> tuple[socket, Any]:
        """Take a connection over."""
        return self._share.handed.next()

    def verify_request(self, request: socket, client_address: Any) -> bool:
        """Return True: the other process has looked at the address."""
        del request, client_address
        return True
