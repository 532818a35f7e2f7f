"""The Minimal Lower Layer Protocol: one HL7 message in a frame, one acknowledgement back.

Source: HL7 v2.5.1 appendix C (MLLP): <VT> message <FS><CR>.
"""

import select
import socket
import ssl
import time
from dataclasses import dataclass

LARGEST_ANSWER_BYTES = 1 << 16
START, END = b"\x0b", b"\x1c\r"
_BETWEEN_FRAMES = b"\r\n"
"""Some receivers end a frame with more than the standard says."""
_READ_AT_ONCE = 4096
_LEAST_WAIT_S = 0.001


class NoConnectionError(Exception):
    """There is no connection; the message says why and what to do."""


class NoFrameError(Exception):
    """No whole answer came; the message says why and what to do."""


class ConnectionEndedError(NoFrameError):
    """The connection ended before a byte of the answer came."""


@dataclass(frozen=True, slots=True)
class MllpServer:
    """Where a receiver listens."""

    host: str
    port: int
    timeout_s: float
    """For the connection, and for a message and its answer, each."""
    context: ssl.SSLContext | None = None
    """For TLS; None: without."""
    tls_server_name: str = ""
    """The name in the receiver's certificate; empty: the host."""

    @property
    def address(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"


class MllpConnection:
    """Sends messages one after another, each after the answer to the one before."""

    def __init__(self, server: MllpServer) -> None:
        """Connect. Raises NoConnectionError."""
        self._server = server
        self._received = b""
        try:
            self._socket = self._connected()
        except (OSError, ValueError) as error:
            raise NoConnectionError(
                f"expected a connection to {server.address}, found: {_words(error)}; see whether "
                "it runs, and whether the address and the certificates are right"
            ) from None

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    @property
    def is_idle(self) -> bool:
        """Whether it can carry another message: many receivers close after each."""
        readable, _, _ = select.select([self._socket], [], [], 0)
        return not readable and not self._received

    def begin(self, message: bytes) -> None:
        """Send one message; its answer has `timeout_s` from now on. Raises NoFrameError.

        message: without the characters of frames.
        """
        self._deadline = time.monotonic() + self._server.timeout_s
        try:
            self._socket.settimeout(self._server.timeout_s)
            self._socket.sendall(START + message + END)
        except TimeoutError:
            raise NoFrameError(
                f"expected {self._server.address} to take a message within "
                f"{self._server.timeout_s:g} s, found that it does not; see whether it works"
            ) from None
        except OSError as error:
            raise ConnectionEndedError(
                f"expected {self._server.address} to take a message, found: {_words(error)}; "
                "see whether it works"
            ) from None

    def answer(self) -> bytes:
        """Return the next frame's content, at most `LARGEST_ANSWER_BYTES`. Raises NoFrameError."""
        while END not in self._received:
            started = self._received.lstrip(_BETWEEN_FRAMES)
            if started and not started.startswith(START):
                raise NoFrameError(
                    f"expected a frame of MLLP of {self._server.address}, found something else; "
                    "see what listens there"
                )
            if len(self._received) > LARGEST_ANSWER_BYTES:
                raise NoFrameError(
                    f"expected an acknowledgement of at most {LARGEST_ANSWER_BYTES} bytes of "
                    f"{self._server.address}, found more; see what listens there"
                )
            self._received += self._read()
        frame, _, self._received = self._received.partition(END)
        frame = frame.lstrip(_BETWEEN_FRAMES)
        if not frame.startswith(START):
            raise NoFrameError(
                f"expected a frame of MLLP of {self._server.address}, found something else; "
                "see what listens there"
            )
        return frame.removeprefix(START)

    def _read(self) -> bytes:
        left_s = self._deadline - time.monotonic()
        try:
            self._socket.settimeout(max(left_s, _LEAST_WAIT_S))
            read = self._socket.recv(_READ_AT_ONCE)
        except TimeoutError:
            raise NoFrameError(
                f"expected an acknowledgement of {self._server.address} within "
                f"{self._server.timeout_s:g} s, found none; see whether it works"
            ) from None
        except OSError as error:
            raise self._ended(_words(error)) from None
        if not read:
            raise self._ended("it closed the connection")
        return read

    def _ended(self, found: str) -> NoFrameError:
        kind = NoFrameError if self._received else ConnectionEndedError
        return kind(
            f"expected an acknowledgement of {self._server.address}, found: {found}; see its log"
        )

    def _connected(self) -> socket.socket:
        server = self._server
        connection = socket.create_connection((server.host, server.port), server.timeout_s)
        if server.context is None:
            return connection
        try:
            name = server.tls_server_name or server.host
            return server.context.wrap_socket(connection, server_hostname=name)
        except BaseException:
            connection.close()
            raise


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"a certificate that is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"no TLS as expected ({error.reason or type(error).__name__})"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
