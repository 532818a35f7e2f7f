"""An association's socket as acceptor, which waits for a peer only so long."""

import ssl
import time
from typing import Any

from pynetdicom.association import Association

from screening.transport.closing_socket import ClosingSocket

PDU_TIMEOUT_S = 30
"""How long the rest of a PDU may take once its first byte is there, and the peer to read ours."""
READ_BYTES = 1 << 16


class BufferedSocket(ClosingSocket):
    """An association's socket that begins with what was read already, and waits only so long."""

    def __init__(self, association: Association, connection: Any, received: bytes) -> None:
        """`received`: the bytes that were read before the association was made."""
        super().__init__(association, client_socket=connection)
        self._received = bytearray(received)

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

    def send(self, bytestream: bytes) -> None:
        """Send bytes; a peer that does not take them has closed, as far as we care."""
        if self.socket is not None:
            self.socket.settimeout(PDU_TIMEOUT_S)
        super().send(bytestream)

    def peek(self, size_bytes: int) -> bytes:
        """Return the next bytes without taking them; fewer where the peer has closed.

        Raises OSError where the connection fails or the peer takes more than PDU_TIMEOUT_S.
        """
        self._fill(size_bytes)
        return bytes(self._received[:size_bytes])

    def recv(self, nr_bytes: int) -> bytearray:
        """Take the next bytes; fewer where the peer has closed. Raises as `peek`."""
        self._fill(nr_bytes)
        taken = self._received[:nr_bytes]
        del self._received[:nr_bytes]
        return taken

    def _fill(self, size_bytes: int) -> None:
        connection = self.socket
        deadline = time.monotonic() + PDU_TIMEOUT_S
        while len(self._received) < size_bytes and connection is not None:
            left_s = deadline - time.monotonic()
            try:
                data = self._read_within(left_s)
            except TimeoutError:
                self.assoc.ends_for("pdu_refused", f"a PDU that took over {PDU_TIMEOUT_S} s")
                raise
            if not data:
                return
            self._received += data

    def _read_within(self, left_s: float) -> bytes:
        if left_s <= 0:
            raise TimeoutError
        connection: Any = self.socket
        connection.settimeout(left_s)
        received: bytes = connection.recv(READ_BYTES)
        return received
