"""The listening socket, and every connection's way to its association.

A connection waits in a thread of its own for TLS and for the whole A-ASSOCIATE-RQ, together not
longer than the ARTIM timer allows; pynetdicom sees it after that. The thread that accepts
connections never waits for a peer.
"""

import ssl
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from socket import socket
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation, ThreadedAssociationServer

from screening.receive.admission import Admission
from screening.receive.guarded_association import BufferedSocket, GuardedAssociation
from screening.receive.pdu_limits import (
    HEADER_BYTES,
    PDUFault,
    announced_bytes,
    fault_of_first_header,
)
from screening.receive.refusal_log import RefusalLog
from screening.receive.waiting_room import WaitingRoom
from screening.transport.addresses import AddressList

ABORT_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """Who gets in, how long a newcomer may take, and what is told when an association ends."""

    addresses: AddressList
    waiting_room: WaitingRoom
    admission: Admission
    artim_timeout_s: float
    tls: ssl.SSLContext | None
    at_end: Callable[[GuardedAssociation], None]


class _NotAssociatedError(Exception):
    """A connection ended before it had asked for an association."""

    def __init__(self, reason: str, fault: PDUFault | None = None) -> None:
        super().__init__(reason)
        self.fault = fault


class GuardedServer(ThreadedAssociationServer):  # type: ignore[misc]  # pynetdicom has no types
    """Accepts connections and makes associations of those that ask for one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        ae: AE,
        address: tuple[str, int],
        contexts: list[PresentationContext],
        handlers: list[tuple[object, ...]],
        front_door: FrontDoor,
    ) -> None:
        """Listen on `address`. Raises OSError where that is not possible."""
        self._door = front_door
        self._refusals = RefusalLog()
        super().__init__(ae, address, ae.ae_title, contexts, evt_handlers=handlers)

    def get_request(self) -> tuple[socket, Any]:
        """Accept a connection; TLS begins in the connection's own thread."""
        connection, address = self.socket.accept()
        if self._door.tls is not None:
            connection = self._door.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def verify_request(self, request: socket, client_address: Any) -> bool:
        """Return whether the peer's address may connect."""
        del request
        allowed = self._door.addresses.allows(client_address[0])
        if not allowed:
            self._refusals.note(
                "connection_refused",
                peer_address=client_address[0],
                reason="not in SCREENING_ALLOWED_ADDRESSES",
            )
        return allowed

    def process_request(self, request: socket, client_address: Any) -> None:
        """Let the connection wait in a thread of its own."""
        crowded = self._door.waiting_room.enter(request, client_address[0])
        if crowded is not None:
            self._refusals.note(
                "connection_dropped",
                peer_address=crowded,
                reason="too many connections without an association, the oldest had to go",
            )
        super().process_request(request, client_address)

    def finish_request(self, request: socket, client_address: Any) -> None:
        """Read the association request in the connection's thread, then start the association."""
        try:
            received = self._receive_request(request)
        except _NotAssociatedError as ended:
            self._refusals.note(
                "connection_ended_early", peer_address=client_address[0], reason=str(ended)
            )
            if ended.fault is not None:
                _send_abort(request, ended.fault)
            self.shutdown_request(request)
        else:
            self._door.waiting_room.leave(request)
            self._start_association(request, client_address, received)

    def shutdown_request(self, request: socket) -> None:
        """Close a connection that has no association, or one no more."""
        self._door.waiting_room.leave(request)
        super().shutdown_request(request)

    def handle_error(self, request: socket, client_address: Any) -> None:
        """Say that a connection failed; the base class prints a traceback."""
        del request
        self._refusals.note(
            "connection_failed", peer_address=client_address[0], reason="unexpected error"
        )

    def server_close(self) -> None:
        """Stop listening, and hang up on whoever has no association yet."""
        super().server_close()
        self._door.waiting_room.close()

    def _receive_request(self, connection: socket) -> bytes:
        deadline = time.monotonic() + self._door.artim_timeout_s
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.settimeout(self._door.artim_timeout_s)
                connection.do_handshake()
            header = _receive(connection, HEADER_BYTES, deadline)
            if fault := fault_of_first_header(header):
                raise _NotAssociatedError(fault.words, fault)
            return header + _receive(connection, announced_bytes(header), deadline)
        except TimeoutError:
            raise _NotAssociatedError("no association request in time") from None
        except ssl.SSLError as error:
            raise _NotAssociatedError(f"TLS: {error.reason or 'connection closed'}") from None
        except OSError:
            raise _NotAssociatedError("the connection was closed") from None

    def _start_association(self, connection: socket, client_address: Any, received: bytes) -> None:
        """Do what pynetdicom's RequestHandler does, with our classes."""
        association = GuardedAssociation(self.ae, self._door.admission, self._door.at_end)
        association._server = self  # noqa: SLF001
        association.name = f"AcceptorThread@{time.strftime('%Y%m%d%H%M%S')}"
        association.set_socket(BufferedSocket(association, connection, received))
        acceptor = association.acceptor
        acceptor.maximum_length = self.ae.maximum_pdu_size
        acceptor.ae_title = self.ae_title
        acceptor.address_info = AddressInformation.from_tuple(self.server_address)
        acceptor.implementation_class_uid = self.ae.implementation_class_uid
        acceptor.implementation_version_name = self.ae.implementation_version_name
        acceptor.supported_contexts = deepcopy(self.contexts)
        association.requestor.address_info = AddressInformation.from_tuple(client_address)
        for event, bound in self._handlers.items():
            if not event.is_intervention:
                for handler, arguments in bound:
                    association.bind(event, handler, arguments)
            elif bound:
                association.bind(event, *bound)
        evt.trigger(association, evt.EVT_CONN_OPEN, {"address": client_address})
        association.start()


def _receive(connection: socket, size_bytes: int, deadline: float) -> bytes:
    """Read exactly so many bytes. Raises TimeoutError or ConnectionError where they do not come."""
    received = bytearray()
    while len(received) < size_bytes:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        data = connection.recv(size_bytes - len(received))
        if not data:
            raise ConnectionError
        received += data
    return bytes(received)


def _send_abort(connection: socket, fault: PDUFault) -> None:
    connection.settimeout(ABORT_TIMEOUT_S)
    try:
        connection.sendall(fault.abort_pdu)
    except OSError:
        return
