"""The listening socket, and every connection's way to its association.

Each connection has a thread of its own for what `transport_connection.py` reads; pynetdicom sees it
after that. The thread that accepts connections never waits for a peer.
"""

import ssl
import time
from dataclasses import dataclass
from socket import socket
from typing import Any, Protocol

from pynetdicom import AE
from pynetdicom.presentation import PresentationContext

from screening.dimse.acceptor import Terms
from screening.dimse.server import AssociationServer
from screening.receive.connections.transport_connection import (
    CLOSED,
    NotAssociatedError,
    TransportConnection,
)
from screening.transport.addresses import AddressList


class HalfOpen(Protocol):
    """The half-open connections, as `half_open.HalfOpenConnections` holds them."""

    def add(self, connection: socket, address: str, *, of_proxy: bool = False) -> str | None:
        """Add a connection; return the address whose oldest one was closed for it."""

    def move(self, connection: socket, address: str) -> str | None:
        """Count a connection under the address that its proxy names; return what `add` does."""

    def remove(self, connection: socket) -> None:
        """Forget a connection."""

    def close(self) -> None:
        """Close them all."""


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """Who may connect, how long a connection may take to ask, and the terms of associations."""

    addresses: AddressList
    trusted_proxies: AddressList
    """Whose connections begin with a PROXY header."""
    half_open: HalfOpen
    artim_timeout_s: float
    tls: ssl.SSLContext | None
    terms: Terms


class ReceiveServer(AssociationServer):
    """Accepts connections and makes associations of those that ask for one."""

    def __init__(
        self,
        ae: AE,
        address: tuple[str, int],
        contexts: list[PresentationContext],
        handlers: list[tuple[object, ...]],
        rules: ConnectionRules,
    ) -> None:
        """Listen on `address`. Raises OSError where that is not possible."""
        self._rules = rules
        super().__init__(ae, address, contexts, handlers, rules.terms)

    def get_request(self) -> tuple[socket, Any]:
        """Accept a connection; TLS begins in the connection's own thread."""
        connection, address = self.accept()
        if self._rules.tls is not None:
            connection = self._rules.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def accept(self) -> tuple[socket, Any]:
        """Return the next connection and its address. Raises OSError."""
        connection, address = self.socket.accept()
        return connection, address

    def verify_request(self, request: socket, client_address: Any) -> bool:
        """Return whether the peer's address may connect; a trusted proxy speaks for others."""
        del request
        return self._is_proxy(client_address) or self._is_allowed(client_address[0])

    def process_request(self, request: socket, client_address: Any) -> None:
        """Have a thread of its own read from the connection."""
        self._note_crowded(
            self._rules.half_open.add(
                request, client_address[0], of_proxy=self._is_proxy(client_address)
            )
        )
        super().process_request(request, client_address)

    def finish_request(self, request: socket, client_address: Any) -> None:
        """Read the association request in the connection's thread, then start the association."""
        connection = TransportConnection(request, time.monotonic() + self._rules.artim_timeout_s)
        peer = client_address
        try:
            if self._is_proxy(client_address):
                peer = connection.client_of_proxy() or client_address
                self._note_crowded(self._rules.half_open.move(request, peer[0]))
                if not self._is_allowed(peer[0]):
                    self.shutdown_request(request)
                    return
            asked = connection.request()
        except NotAssociatedError as ended:
            is_check = self._is_proxy(peer) and str(ended) == CLOSED
            if not is_check:  # proxies check again and again whether we listen
                self._rules.terms.note_refusal(ended.event, peer_address=peer[0], reason=str(ended))
            connection.send_last_pdu(ended.answer)
            self.shutdown_request(request)
        else:
            self._rules.half_open.remove(request)
            self.start_association(request, peer, asked.pdu, asked.unusable_contexts)

    def shutdown_request(self, request: socket) -> None:
        """Close a connection that has no association, or one no more."""
        self._rules.half_open.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: socket, client_address: Any) -> None:
        """Log that a connection failed; the base class prints a traceback."""
        del request
        self._rules.terms.note_refusal(
            "connection_failed", peer_address=client_address[0], reason="unexpected error"
        )

    def server_close(self) -> None:
        """Stop listening, and close the connections that have no association yet."""
        super().server_close()
        self._rules.half_open.close()

    def _is_proxy(self, client_address: Any) -> bool:
        return self._rules.trusted_proxies.names(client_address[0])

    def _is_allowed(self, address: str) -> bool:
        allowed = self._rules.addresses.allows(address)
        if not allowed:
            self._rules.terms.note_refusal(
                "connection_refused",
                peer_address=address,
                reason="not in SCREENING_ALLOWED_ADDRESSES",
            )
        return allowed

    def _note_crowded(self, crowded: str | None) -> None:
        if crowded is not None:
            self._rules.terms.note_refusal(
                "connection_dropped",
                peer_address=crowded,
                reason="too many connections without an association, the oldest had to go",
            )
