"""Station STOW-RS: one process beside the SCP that takes images by HTTP, and its clean end.

It speaks plain HTTP; a reverse proxy before it does TLS (docs/security.md).
"""

import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from screening.db.session import Database
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue
from screening.doorbell.ring import Doorbell
from screening.errors import SettingsError, StartupError
from screening.imaging.pixels.transfer_syntaxes import decodable_transfer_syntaxes
from screening.logs import get_logger
from screening.receive.connections.places import OwnPlaces
from screening.receive.objects.intake import Intake
from screening.receive.objects.sop_classes import received_sop_classes
from screening.receive.objects.taking import Taking
from screening.receive.stow_rs.admission import Admission
from screening.receive.stow_rs.connections import GuardedConnection
from screening.receive.stow_rs.part import Received
from screening.receive.stow_rs.proxies import BehindProxies
from screening.receive.stow_rs.senders import Senders
from screening.receive.stow_rs.service import HEALTH_PATH, StowService
from screening.receive.stow_rs.transaction import Store
from screening.settings import Settings
from screening.spool.store import Spool
from screening.transport.addresses import AddressList, is_loopback

OWNER = "stow-"
"""What the names of incoming files begin with."""
LARGEST_HEAD_BYTES = 16384
"""Of a request's line and headers together."""
CONNECTIONS_FOR_A_REQUEST = 4
"""Connections may wait, and be told that there is no place: so many for each place."""
THREADS_FOR_A_REQUEST = 3
FINISH_TIMEOUT_S = 10
"""How long requests may go on after the process was told to stop."""
START_TIMEOUT_S = 30
log = get_logger()


@contextmanager
def running_stow(settings: Settings, database: Database) -> Iterator[tuple[str, int]]:
    """Serve requests inside the block; yields the (host, port) listened on.

    At the end no new request is taken and those under way may finish.
    Raises StartupError where the address cannot be listened on, SettingsError where the settings
    would let anybody send, or a client's token cannot be used.
    """
    _check_reach(settings)
    spool = Spool(settings.spool_dir, min_free_bytes=settings.min_free_mib << 20)
    doorbell = Doorbell(make_celery_app(settings), Queue.CLASSIFY)
    intake = Intake(database, spool)
    senders = Senders(settings.stow_clients, settings.allowed_calling_ae_titles)
    listener = _listen(settings)
    with spool.receiving(), _sole_owner(spool), _threads(settings) as threads:
        taking = Taking(
            spool, intake, doorbell, max_object_bytes=settings.max_object_mib << 20, owner=OWNER
        )
        admission = Admission(
            senders=senders,
            addresses=AddressList(settings.allowed_addresses),
            own_names=frozenset({"localhost", settings.stow_host.lower()}),
            places=OwnPlaces(settings.stow_max_requests),
            require_space=spool.require_space,
        )
        received = Received(
            sop_classes=frozenset(received_sop_classes(settings.extra_sop_classes)),
            transfer_syntaxes=frozenset(decodable_transfer_syntaxes()),
            study_instance_uid="",
        )
        service = StowService(admission, received, Store(taking, threads), intake)
        server = uvicorn.Server(_config(_behind_proxies(service, settings), settings))
        doorbell.ring()  # what an earlier process accepted may still wait
        with _serving(server, listener):
            host, port = listener.getsockname()[:2]
            log.info("stow_opened", host=host, port=port, asks=senders.asks)
            yield str(host), int(port)
    doorbell.close()


def _check_reach(settings: Settings) -> None:
    """Require what a service that others can reach needs."""
    if settings.stow_port is None:
        raise SettingsError(
            "stow_port: expected a port for STOW-RS, found none; set it, or do not run this station"
        )
    if settings.stow_trusted_proxies and not settings.stow_clients:
        raise SettingsError(
            "stow_clients: a proxy lets others reach STOW-RS, so it must know who sends, found no "
            "client; name them"
        )
    if not is_loopback(settings.stow_host) and not settings.stow_trusted_proxies:
        raise SettingsError(
            f"stow_host: {settings.stow_host!r} can be reached from other machines, so patients' "
            "names need TLS; set stow_trusted_proxies and stow_clients with a proxy that does it, "
            "or listen on 127.0.0.1"
        )


def _behind_proxies(service: StowService, settings: Settings) -> ASGIApp:
    """Let proxies say who sends, and nobody else in."""
    if not settings.stow_trusted_proxies:
        return service
    return BehindProxies(service, settings.stow_trusted_proxies, open_path=HEALTH_PATH)


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.stow_host, settings.stow_port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port or 0), family=family)
    except OSError as error:
        raise StartupError(
            f"stow_host, stow_port: expected an address to listen on, found {host}:{port} with "
            f"{error.strerror}; stop what listens there or choose another"
        ) from None


def _config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,  # addresses name studies
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the application does it, for the proxies of the settings alone
        ws="none",
        interface="asgi3",
        http=GuardedConnection,
        h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
        limit_concurrency=CONNECTIONS_FOR_A_REQUEST * settings.stow_max_requests,
        timeout_graceful_shutdown=FINISH_TIMEOUT_S,
        lifespan="off",
    )


@contextmanager
def _serving(server: uvicorn.Server, listener: socket.socket) -> Iterator[None]:
    thread = threading.Thread(target=server.run, args=([listener],), name="stow")
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise StartupError("expected the STOW-RS service to start, found that it does not")
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _threads(settings: Settings) -> Iterator[ThreadPoolExecutor]:
    most = THREADS_FOR_A_REQUEST * settings.stow_max_requests
    with ThreadPoolExecutor(most, thread_name_prefix="stow") as threads:
        yield threads


@contextmanager
def _sole_owner(spool: Spool) -> Iterator[None]:
    """Remove what a killed process of this kind left half received, unless another one lives."""
    lock = os.open(spool.incoming.with_name(f"{OWNER}incoming.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            spool.remove_incoming(OWNER)
        except OSError:
            log.info("stow_is_not_alone")
        yield
    finally:
        os.close(lock)
