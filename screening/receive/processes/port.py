"""The port of several processes."""

import socket
from collections.abc import Callable
from contextlib import closing

from screening.errors import StartupError
from screening.receive.connections.half_open import HALF_OPEN_IN_ALL, HalfOpenConnections
from screening.receive.connections.opening import cannot_listen, log_start
from screening.receive.connections.places import SharedPlaces
from screening.receive.processes.accepting import ConnectionLimits
from screening.receive.processes.serving import Share
from screening.receive.processes.watching import Watching
from screening.settings import Settings
from screening.spool.store import Spool
from screening.transport.addresses import AddressList

BACKLOG = 128


def serve_in_processes(settings: Settings, serve: Callable[[Share], None]) -> None:
    """Listen, and serve associations in `scp_processes` processes until SIGTERM or SIGINT.

    serve: runs in each of them until SIGTERM. Threads that run already are not in them.
    Raises StartupError where the address cannot be listened on or a process cannot start.
    """
    shared = SharedPlaces(settings.scp_processes, settings.max_associations)
    with _listening(settings) as listening, closing(shared) as places:
        limits = ConnectionLimits(
            AddressList(settings.allowed_addresses),
            AddressList(settings.scp_trusted_proxies),
            HalfOpenConnections(
                per_address=settings.max_half_open_per_address, in_all=HALF_OPEN_IN_ALL
            ),
        )
        host, port = listening.getsockname()[:2]
        log_start(settings, host, port)
        spool = Spool(settings.spool_dir)
        Watching(serve, listening, limits, places, spool).run(settings.scp_processes)


def _listening(settings: Settings) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.scp_host, settings.scp_port, type=socket.SOCK_STREAM
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise StartupError(cannot_listen(settings, error)) from error
