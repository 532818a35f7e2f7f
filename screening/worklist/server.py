"""Serves the page: address, TLS, limits, and a clean end."""

import signal
import socket
import ssl
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from screening.errors import StartupError
from screening.logs import get_logger
from screening.settings import Settings
from screening.worklist.access.exposure import Exposure
from screening.worklist.access.tls import tls_context

STOP_TIMEOUT_S = 5
MOST_REQUESTS_AT_ONCE = 200
LARGEST_HEAD_BYTES = 16384
"""Of a request's line and headers together."""
log = get_logger()


def serve(
    app: ASGIApp, settings: Settings, exposure: Exposure, *, stopping: threading.Event
) -> None:
    """Serve on WEB_HOST:WEB_PORT until SIGTERM or SIGINT, then return.

    stopping: set by the signal, for requests that would last longer.

    Raises StartupError where the address cannot be listened on or the certificate not be used.
    """
    context = _tls(settings)
    listener = _listen(exposure, settings)
    server = uvicorn.Server(_config(app, context))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # uvicorn raises the signal again when it has stopped; it has had its effect
        server.should_exit = True
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    host, port = listener.getsockname()[:2]
    log.info(
        "worklist_page_opened",
        host=host,
        port=port,
        tls=context is not None,
        authentication=settings.web_authentication,
    )
    server.run(sockets=[listener])


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.web_tls_certificate is None or settings.web_tls_key is None:
        return None
    return tls_context(settings.web_tls_certificate, settings.web_tls_key)


def _config(app: ASGIApp, context: ssl.SSLContext | None) -> uvicorn.Config:
    def given(_config: uvicorn.Config, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        assert context is not None  # noqa: S101  used below only where there is one
        return context

    return uvicorn.Config(
        app,
        access_log=False,  # addresses of the page name studies
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the application does it, after it has looked who the peer is
        ws="none",
        http="h11",
        h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
        limit_concurrency=MOST_REQUESTS_AT_ONCE,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
        lifespan="off",
        ssl_context_factory=given if context else None,
    )


def _listen(exposure: Exposure, settings: Settings) -> socket.socket:
    try:
        return socket.create_server(exposure.address, family=exposure.family)
    except OSError as error:
        raise StartupError(
            f"web_host, web_port: expected an address to listen on, found {settings.web_host}:"
            f"{settings.web_port} with {error.strerror}; stop what listens there or choose another"
        ) from None
