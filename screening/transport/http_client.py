"""HTTP requests that end: one limit for the whole exchange, one for the answer, no redirects.

Sources: RFC 9110, RFC 9112. A proxy of the environment is not used: what a destination gets goes
to the address that the settings name.
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

LARGEST_ANSWER_BYTES = 1 << 20
_WRITTEN_AT_ONCE = 1 << 16


class NoAnswerError(Exception):
    """No whole answer came; the message says why and what to do."""


class NoConnectionError(NoAnswerError):
    """There is no connection: no other request would have one either."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered."""

    status: int
    body: bytes
    """At most `LARGEST_ANSWER_BYTES`."""


@dataclass(frozen=True, slots=True)
class HttpServer:
    """How servers are talked to."""

    timeout_s: float
    """For one request and its answer, all together."""
    context: ssl.SSLContext | None = None
    """For https; None: none is needed."""
    tls_server_name: str = ""
    """The name in the server's certificate; empty: the host of the URL."""


class HttpClient:
    """Sends requests one after another over as few connections as the server allows."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._backend = _BackendWithDeadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=server.context, network_backend=self._backend, max_connections=2
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpAnswer:
        """Send a request and return the answer, whatever its status. Raises NoAnswerError."""
        self._backend.deadline = time.monotonic() + self._server.timeout_s
        try:
            return self._exchange(method, url, headers, body)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise NoConnectionError(
                f"expected a connection to {host_of(url)}, found: {_words(error)}; "
                "see whether it runs, and whether the address and the certificates are right"
            ) from None
        except httpcore.TimeoutException:
            raise NoAnswerError(
                f"expected an answer of {host_of(url)} within {self._server.timeout_s:g} s, found "
                "none; see whether it works"
            ) from None
        except httpcore.NetworkError as error:
            raise NoAnswerError(
                f"expected an answer of {host_of(url)}, found: {_words(error)}; "
                "see whether it works"
            ) from None
        except (httpcore.RemoteProtocolError, httpcore.LocalProtocolError) as error:
            raise NoAnswerError(
                f"expected HTTP of {host_of(url)}, found something else ({type(error).__name__}); "
                "see what listens there"
            ) from None

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> HttpAnswer:
        extensions: dict[str, Any] = {"timeout": dict.fromkeys(_KINDS, self._server.timeout_s)}
        if self._server.tls_server_name:
            extensions["sni_hostname"] = self._server.tls_server_name
        with self._pool.stream(
            method, url, headers=list(headers.items()), content=body, extensions=extensions
        ) as response:
            answered = bytearray()
            for part in response.iter_stream():
                answered += part
                if len(answered) > LARGEST_ANSWER_BYTES:
                    raise NoAnswerError(
                        f"expected an answer of at most {LARGEST_ANSWER_BYTES} bytes of "
                        f"{host_of(url)}, found more; see what listens there"
                    )
            return HttpAnswer(response.status, bytes(answered))


@contextmanager
def http_client(server: HttpServer) -> Iterator[HttpClient]:
    """Yield a client, and close its connections at the end."""
    client = HttpClient(server)
    try:
        yield client
    finally:
        client.close()


def host_of(url: str) -> str:
    """Return scheme, host and port of a URL: what a message may repeat of it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


_KINDS = ("connect", "read", "write", "pool")


def _words(error: BaseException) -> str:
    """Return what the system said, without the library's wrapping."""
    cause: BaseException | None = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"a certificate that is not trusted ({cause.verify_message})"
    if isinstance(cause, ssl.SSLError):
        return f"no TLS as expected ({cause.reason or type(cause).__name__})"
    if isinstance(cause, OSError):
        return cause.strerror or type(cause).__name__
    return type(error).__name__


class _BackendWithDeadline(httpcore.NetworkBackend):
    """Opens connections whose every step ends by one deadline."""

    def __init__(self) -> None:
        self.deadline = 0.0
        self._backend = httpcore.SyncBackend()

    def left_s(self) -> float:
        """Return the seconds left. Raises ReadTimeout where there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        """Connect by the deadline."""
        del timeout
        stream = self._backend.connect_tcp(host, port, self.left_s(), local_address, socket_options)
        return _StreamWithDeadline(stream, self)


class _StreamWithDeadline(httpcore.NetworkStream):
    """A connection whose reads and writes have what is left of the time."""

    def __init__(self, stream: httpcore.NetworkStream, backend: _BackendWithDeadline) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        return self._stream.read(max_bytes, self._backend.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        for start in range(0, len(buffer), _WRITTEN_AT_ONCE):
            self._stream.write(buffer[start : start + _WRITTEN_AT_ONCE], self._backend.left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        del timeout
        stream = self._stream.start_tls(ssl_context, server_hostname, self._backend.left_s())
        return _StreamWithDeadline(stream, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
