"""An association's socket: time limits in both directions, and no leaked descriptor."""

import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation, AssociationSocket

READ_BYTES = 1 << 16
SHORTEST_WAIT_S = 0.001


class ClosingSocket(AssociationSocket):  # type: ignore[misc]  # pynetdicom has no types
    """An association's socket that is closed also where it never got connected.

    pynetdicom 3.0.4 skips `close` where `shutdown` fails, as it does on a socket that is not
    connected: the descriptor then stays until the garbage collector comes by.
    """

    failure: str = ""
    """Why there is no connection, in words; "" while nothing has failed."""

    def _shutdown_socket(self) -> None:
        """End the connection and give the descriptor back, whatever state it is in."""
        self._note_failure(sys.exception())
        connection: Any = self.socket
        if connection is None:
            return
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
        connection.close()

    def _note_failure(self, error: BaseException | None) -> None:
        """Record the error that `connect` swallows: it calls this while handling it."""
        if isinstance(error, ssl.SSLCertVerificationError):
            self.failure = f"its certificate is not trusted: {error.verify_message}"
        elif isinstance(error, ssl.SSLError):
            self.failure = f"no TLS connection: {(error.reason or 'closed').replace('_', ' ')}"
        elif isinstance(error, OSError) and error.strerror:
            self.failure = error.strerror.lower()


class GuardedSocket(ClosingSocket):
    """An association's socket that limits how long a PDU may take, in both directions."""

    def __init__(
        self,
        association: Association,
        *,
        pdu_timeout_s: float,
        connection: socket.socket | None = None,
        received: bytes = b"",
        address: AddressInformation | None = None,
    ) -> None:
        """Take a connection, or the address to connect from.

        pdu_timeout_s: how long the rest of a PDU may take once its first byte is there, and the
        peer to read ours; received: what was read before the association was made.
        """
        super().__init__(association, client_socket=connection, address=address)
        _send_at_once(self.socket)
        self._pdu_timeout_s = pdu_timeout_s
        self._received = bytearray(received)
        self._taken = bytearray()

    @property
    def descriptor(self) -> int:
        """The connection's file descriptor; -1 where there is none."""
        connection: Any = self.socket
        return int(connection.fileno()) if connection is not None and self._is_connected else -1

    @property
    def ready(self) -> bool:
        """Whether there is something to read: data, or the news that the peer has closed.

        It tries to read, since `select` sees TLS records that hold no data, and data that TLS has
        taken already it does not see.
        """
        connection: Any = self.socket
        if self._received or connection is None or not self._is_connected:
            return bool(self._received)
        try:
            connection.settimeout(0)
            self._received += connection.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            self.event_queue.put("Evt17")
            return False
        return True

    def send_now(self, pdu: bytes) -> int:
        """Send what the system takes at once, beside a thread that reads; return how much it took.

        Nothing with TLS, where two threads must not use one connection.
        """
        connection: Any = self.socket
        if connection is None or isinstance(connection, ssl.SSLSocket):
            return 0
        try:
            return int(connection.send(pdu, socket.MSG_DONTWAIT))
        except OSError:
            return 0  # whoever reads or sends next finds out why

    def send(self, bytestream: bytes) -> None:
        """Send bytes; a peer that does not take them in time counts as closed."""
        if self.socket is not None:
            self.socket.settimeout(self._pdu_timeout_s)
        super().send(bytestream)

    def peek(self, size_bytes: int) -> bytes:
        """Return the next bytes without taking them; fewer where the peer has closed.

        Raises OSError where the connection fails or the peer takes longer than it may.
        """
        self._fill(size_bytes)
        return bytes(self._received[:size_bytes])

    def recv(self, nr_bytes: int) -> bytearray:
        """Take the next bytes; fewer where the peer has closed. Raises as `peek`."""
        self._fill(nr_bytes)
        taken = self._received[:nr_bytes]
        del self._received[:nr_bytes]
        return taken

    def take(self, size_bytes: int) -> memoryview:
        """Take the next bytes as `recv` does, without copying what is not read yet.

        They are valid until the next call.
        """
        if len(self._taken) < size_bytes:
            self._taken = bytearray(size_bytes)
        taken = memoryview(self._taken)[:size_bytes]
        count = min(len(self._received), size_bytes)
        taken[:count] = memoryview(self._received)[:count]
        del self._received[:count]
        deadline = time.monotonic() + self._pdu_timeout_s
        while count < size_bytes and self.socket is not None:
            read = self._within(deadline, partial(_read_into, taken[count:]))
            if not read:
                break
            count += read
        return taken[:count]

    def _fill(self, size_bytes: int) -> None:
        deadline = time.monotonic() + self._pdu_timeout_s
        while len(self._received) < size_bytes and self.socket is not None:
            data = self._within(deadline, lambda connection: connection.recv(READ_BYTES))
            if not data:
                return
            self._received += data

    def _within(self, deadline: float, read: Callable[[Any], Any]) -> Any:
        connection: Any = self.socket
        left_s = max(deadline - time.monotonic(), SHORTEST_WAIT_S)  # 0 would not wait, nor time out
        try:
            connection.settimeout(left_s)
            _acknowledge_at_once(connection)
            return read(connection)
        except TimeoutError:
            self.assoc.dul.ended("pdu_refused", f"a PDU that took over {self._pdu_timeout_s} s")
            raise


def _send_at_once(connection: Any) -> None:
    """Have PDUs sent as they come, beside those that the peer has not acknowledged.

    A request is two PDUs, its command set and its data set. Else the second one would wait for the
    peer to acknowledge the first, which takes 40 ms where its kernel delays that (RFC 1122 4.2.3).
    """
    with suppress(OSError):  # no TCP, or closed by the peer already
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _acknowledge_at_once(connection: Any) -> None:
    """Acknowledge what has come, now that the rest of its PDU is waited for.

    Many peers write a PDU in two pieces and have Nagle's algorithm hold the second one back until
    the first is acknowledged, which our kernel would do 40 ms later.
    """
    with suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _read_into(buffer: memoryview, connection: Any) -> int:
    read: int = connection.recv_into(buffer)
    return read
