"""A transport connection up to its association request (state Sta2), in a thread of its own.

A PROXY header from a trusted proxy, TLS where it is on, and the whole A-ASSOCIATE-RQ, together
within the ARTIM timeout. A connection that gets no association is answered once and logged once.
Source: PS3.8 9.2.
"""

import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from screening.dimse.pdu_limits import (
    HEADER_BYTES,
    UNRECOGNIZED_PDU,
    PDUFault,
    announced_bytes,
    fault_of_first_header,
)
from screening.dimse.rejections import REJECTION_OF, Rejection
from screening.receive.connections.association_request import (
    PlainRequest,
    RejectedRequestError,
    UnusableRequestError,
    plain_request,
)
from screening.receive.connections.proxy_header import (
    BEGINNINGS,
    Endpoint,
    ProxyHeaderError,
    Receive,
    read_proxy_header,
)

LAST_PDU_TIMEOUT_S = 1.0
LAST_PDU_BYTES = 1 << 16
"""How long, and how much, is read from a peer after its last PDU, so that it can read that."""
CLOSED = "the connection was closed"
UNLISTED_PROXY = "a PROXY header from an address that is not in SCREENING_SCP_TRUSTED_PROXIES"
_REJECTION = struct.Struct(">BxIxBBB")
_A_ASSOCIATE_RJ = 0x03


class NotAssociatedError(Exception):
    """A connection ends before it has an association; the text says why.

    event: of the log line; answer: the PDU that the peer gets, b"" where it gets none.
    """

    def __init__(self, event: str, reason: str, answer: bytes = b"") -> None:
        super().__init__(reason)
        self.event = event
        self.answer = answer


@dataclass(frozen=True, slots=True)
class TransportConnection:
    """One new connection."""

    connection: socket.socket
    deadline: float
    """When its association request must be complete, by `time.monotonic`."""

    def client_of_proxy(self) -> Endpoint | None:
        """Read the PROXY header; return the client it names, None where it names none.

        Raises NotAssociatedError.
        """
        with _faults_named():
            try:
                return read_proxy_header(lambda size: self._exactly(size, self._receive_raw))
            except ProxyHeaderError as error:
                raise _ended(str(error), self._abort_in_plain()) from None

    def request(self) -> PlainRequest:
        """Do the TLS handshake where the connection is one, and read the association request.

        Raises NotAssociatedError.
        """
        with _faults_named():
            if isinstance(self.connection, ssl.SSLSocket):
                self._shake_hands(self.connection)
            header = self._exactly(HEADER_BYTES, self.connection.recv)
            if header in BEGINNINGS:
                raise _ended(UNLISTED_PROXY, self._abort_in_plain())
            if fault := fault_of_first_header(header):
                raise _ended(fault.words, fault.abort_pdu)
            rest = self._exactly(announced_bytes(header), self.connection.recv)
            return _judged(header + rest)

    def send_last_pdu(self, answer: bytes) -> None:
        """Send a last PDU, and let the peer read it before the connection is closed."""
        with suppress(OSError):
            self.connection.settimeout(LAST_PDU_TIMEOUT_S)
            self.connection.sendall(answer)
            socket.socket.shutdown(self.connection, socket.SHUT_WR)
            left_bytes, until = LAST_PDU_BYTES, time.monotonic() + LAST_PDU_TIMEOUT_S
            while left_bytes > 0 and time.monotonic() < until:
                left_bytes -= len(self._receive_raw(left_bytes)) or left_bytes

    def _shake_hands(self, connection: ssl.SSLSocket) -> None:
        self._wait_until_deadline()
        if socket.socket.recv(connection, HEADER_BYTES, socket.MSG_PEEK) in BEGINNINGS:
            raise _ended(UNLISTED_PROXY)
        self._wait_until_deadline()
        connection.do_handshake()

    def _exactly(self, size_bytes: int, receive: Receive) -> bytes:
        """Read exactly so many bytes. Raises TimeoutError or ConnectionError where they are not."""
        received = bytearray()
        while len(received) < size_bytes:
            self._wait_until_deadline()
            data = receive(size_bytes - len(received))
            if not data:
                raise ConnectionError
            received += data
        return bytes(received)

    def _receive_raw(self, size_bytes: int) -> bytes:
        """Read what is on the wire, below TLS."""
        return socket.socket.recv(self.connection, size_bytes)

    def _wait_until_deadline(self) -> None:
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self.connection.settimeout(left_s)

    def _abort_in_plain(self) -> bytes:
        """Return an A-ABORT; b"" with TLS, where the peer could not read it."""
        fault = PDUFault(UNRECOGNIZED_PDU, "")
        return b"" if isinstance(self.connection, ssl.SSLSocket) else fault.abort_pdu


@contextmanager
def _faults_named() -> Iterator[None]:
    """Turn whatever ends a connection into a NotAssociatedError."""
    try:
        yield
    except TimeoutError:
        raise _ended("no association request in time") from None
    except ssl.SSLError as error:
        raise _ended(f"TLS: {error.reason or 'connection closed'}") from None
    except OSError:
        raise _ended(CLOSED) from None


def _judged(pdu: bytes) -> PlainRequest:
    try:
        return plain_request(pdu)
    except UnusableRequestError as error:
        raise NotAssociatedError("association_aborted", str(error), error.fault.abort_pdu) from None
    except RejectedRequestError as error:
        answer = _rejection_pdu(REJECTION_OF[error.refused])
        raise NotAssociatedError("association_rejected", str(error), answer) from None


def _ended(reason: str, answer: bytes = b"") -> NotAssociatedError:
    return NotAssociatedError("connection_ended_early", reason, answer)


def _rejection_pdu(rejection: Rejection) -> bytes:
    """Return an A-ASSOCIATE-RJ. Source: PS3.8 9.3.4."""
    return _REJECTION.pack(
        _A_ASSOCIATE_RJ, 4, rejection.result, rejection.source, rejection.diagnostic
    )
