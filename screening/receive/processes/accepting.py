"""The process that accepts connections, and hands each to the process that has the fewest.

It has one thread, no database and no association: it reads nothing from a peer, and can be forked
at any time. What limits connections without an association is here, for all processes together.
"""

import selectors
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from socket import socket
from typing import Any

from screening.receive.connections.half_open import HalfOpenConnections
from screening.receive.processes.link import Link
from screening.receive.refusal_log import RefusalLog
from screening.transport.addresses import AddressList

AT_ONCE = 64
"""Connections that are accepted before anything else is looked at."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Who may connect, and how many may be without an association."""

    addresses: AddressList
    trusted_proxies: AddressList
    half_open: HalfOpenConnections


class Accepting:
    """Accepts connections and hands them over."""

    def __init__(
        self, listening: socket, limits: ConnectionLimits, taken: Callable[[int], int]
    ) -> None:
        """taken: how many associations a process has."""
        self._listening = listening
        self._limits = limits
        self._taken = taken
        self._links: dict[int, Link] = {}
        self._half_open: dict[int, tuple[int, socket]] = {}
        """By number: the process that has it, and our own descriptor."""
        self._number = 0
        self._refusals = RefusalLog()
        self._selector = selectors.DefaultSelector()
        listening.setblocking(False)

    def begin(self, process: int, link: Link) -> None:
        """Hand connections to a process from now on."""
        if not self._links:
            self._selector.register(self._listening, selectors.EVENT_READ, self._accept)
        self._links[process] = link
        self._selector.register(link, selectors.EVENT_READ, lambda: self._hear(process))

    def end(self, process: int) -> None:
        """Forget a process that has ended, and close what it had without an association."""
        self._close_link(process)
        for number in [n for n, (of, _) in self._half_open.items() if of == process]:
            self._settle(number)

    def also_wait_for(self, descriptor: int, act: Callable[[], None]) -> None:
        """Have `wait` act on something else that can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ, act)

    def wait(self, timeout_s: float) -> None:
        """Accept, hand over and hear what is there, or wait for it up to `timeout_s`."""
        for key, _ in self._selector.select(timeout_s):
            key.data()

    def close(self) -> None:
        """Close what this process has of sockets, as a forked one must, too."""
        self._selector.close()
        self._listening.close()
        for link in self._links.values():
            link.close()
        for _, connection in self._half_open.values():
            connection.close()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, address = self._listening.accept()
            except OSError:
                return
            connection.setblocking(True)
            if self._may_connect(address[0]):
                self._hand_over(connection, address)
            else:
                connection.close()

    def _may_connect(self, address: str) -> bool:
        limits = self._limits
        if limits.trusted_proxies.names(address) or limits.addresses.allows(address):
            return True
        reason = "not in SCREENING_ALLOWED_ADDRESSES"
        self._refusals.note("connection_refused", peer_address=address, reason=reason)
        return False

    def _hand_over(self, connection: socket, address: Any) -> None:
        self._number += 1
        of_proxy = self._limits.trusted_proxies.names(address[0])
        self._note_crowded(self._limits.half_open.add(connection, address[0], of_proxy=of_proxy))
        for process in sorted(self._links, key=self._load):
            with suppress(OSError):  # it ends, or is stuck: the next one takes it
                self._links[process].hand_over(self._number, connection, address)
                self._half_open[self._number] = (process, connection)
                return
        self._limits.half_open.remove(connection)
        connection.close()

    def _load(self, process: int) -> int:
        return self._taken(process) + sum(of == process for of, _ in self._half_open.values())

    def _hear(self, process: int) -> None:
        try:
            while (told := self._links[process].hear()) is not None:
                if told.client is None:
                    self._settle(told.number)
                elif told.number in self._half_open:
                    _, connection = self._half_open[told.number]
                    self._note_crowded(self._limits.half_open.move(connection, told.client))
        except OSError:  # it ends
            self._close_link(process)

    def _close_link(self, process: int) -> None:
        link = self._links.pop(process, None)
        if link is None:
            return
        self._selector.unregister(link)
        link.close()
        if not self._links:  # who connects now waits in the backlog
            self._selector.unregister(self._listening)

    def _settle(self, number: int) -> None:
        if number in self._half_open:
            _, connection = self._half_open.pop(number)
            self._limits.half_open.remove(connection)
            connection.close()

    def _note_crowded(self, crowded: str | None) -> None:
        if crowded is not None:
            self._refusals.note(
                "connection_dropped",
                peer_address=crowded,
                reason="too many connections without an association, the oldest had to go",
            )
