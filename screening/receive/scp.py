"""The Storage SCP: one process, its server, and its clean end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from pynetdicom import AE
from pynetdicom.transport import ThreadedAssociationServer

from screening.db.session import Database
from screening.errors import StartupError
from screening.logs import get_logger
from screening.queue.app import make_celery_app
from screening.queue.doorbell import Doorbell
from screening.queue.names import Queue
from screening.receive.contexts import supported_contexts
from screening.receive.handlers import Handlers
from screening.receive.incoming import streamed_into
from screening.receive.intake import Intake
from screening.settings import Settings
from screening.spool.store import Spool

MAXIMUM_PDU_BYTES = 131072
ACSE_TIMEOUT_S = 10
DIMSE_TIMEOUT_S = 30
NETWORK_TIMEOUT_S = 60
"""An association may idle this long between two objects; slow modalities do."""
FINISH_TIMEOUT_S = 10
"""How long associations may go on after the process was told to stop."""
LISTEN_BACKLOG = 64
log = get_logger()


@contextmanager
def running_scp(settings: Settings, database: Database) -> Iterator[tuple[str, int]]:
    """Serve associations inside the block; yields the (host, port) listened on.

    At the end no new association is taken and those under way may finish.
    Raises StartupError where the address cannot be listened on.
    """
    spool = Spool(settings.spool_dir, min_free_bytes=settings.min_free_mib << 20)
    spool.prepare()
    doorbell = Doorbell(make_celery_app(settings), Queue.CLASSIFY)
    handlers = Handlers(Intake(database, spool), doorbell)
    with streamed_into(spool.incoming, max_bytes=settings.max_object_mib << 20):
        ae = _make_ae(settings)
        server = _listen(ae, settings, handlers)
        doorbell.ring()  # what an earlier process accepted may still wait
        try:
            host, port = server.server_address[:2]
            log.info("scp_listening", host=host, port=port, ae_title=settings.ae_title)
            yield str(host), int(port)
        finally:
            server.shutdown()
            _let_finish(ae)
            server.server_close()
            ae.shutdown()
            doorbell.close()


def _make_ae(settings: Settings) -> AE:
    ae = AE(ae_title=settings.ae_title)
    ae.supported_contexts = supported_contexts(settings.extra_sop_classes)
    ae.require_calling_aet = list(settings.allowed_calling_ae_titles)
    ae.require_called_aet = settings.require_called_ae_title
    ae.maximum_associations = settings.max_associations
    ae.maximum_pdu_size = MAXIMUM_PDU_BYTES
    ae.acse_timeout = ACSE_TIMEOUT_S
    ae.dimse_timeout = DIMSE_TIMEOUT_S
    ae.network_timeout = NETWORK_TIMEOUT_S
    return ae


def _listen(ae: AE, settings: Settings, handlers: Handlers) -> ThreadedAssociationServer:
    try:
        server = ae.start_server(
            (settings.scp_host, settings.scp_port), block=False, evt_handlers=handlers.bindings()
        )
    except OSError as error:
        raise StartupError(
            f"Storage SCP: expected to listen on {settings.scp_host}:{settings.scp_port}, found: "
            f"{error.strerror}; free the port or set SCREENING_SCP_PORT"
        ) from error
    assert isinstance(server, ThreadedAssociationServer)  # noqa: S101  block=False gives this one
    server.socket.listen(LISTEN_BACKLOG)
    return server


def _let_finish(ae: AE) -> None:
    deadline = time.monotonic() + FINISH_TIMEOUT_S
    while ae.active_associations and time.monotonic() < deadline:
        time.sleep(0.1)
