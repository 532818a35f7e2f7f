"""The Storage SCP: one process, its server, and its clean end."""

import ssl
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from pynetdicom import AE

from screening.db.session import Database
from screening.dimse.acceptor import Terms
from screening.dimse.pdu_limits import MAXIMUM_PDU_BYTES
from screening.doorbell.app import make_celery_app
from screening.doorbell.names import Queue
from screening.doorbell.ring import Doorbell
from screening.errors import StartupError
from screening.receive.command_set import DATA_SET_ENDED_EARLY
from screening.receive.commitment_scp.handler import CommitmentRequestHandler
from screening.receive.commitment_scp.reporter import CommitmentReporter
from screening.receive.commitment_scu_answers import CommitmentAnswerHandler
from screening.receive.connections.admission import Admission
from screening.receive.connections.half_open import HALF_OPEN_IN_ALL, HalfOpenConnections
from screening.receive.connections.opening import cannot_listen, log_start
from screening.receive.connections.places import OwnPlaces, Places
from screening.receive.connections.server import ConnectionRules, HalfOpen, ReceiveServer
from screening.receive.objects.intake import Intake
from screening.receive.objects.taking import Taking
from screening.receive.processes.serving import HandedServer, Share
from screening.receive.refusal_log import RefusalLog
from screening.receive.services import Service, bindings_of, contexts_of, judge_of
from screening.receive.sessions import Sessions
from screening.receive.storage import StorageHandler
from screening.receive.verification import verification
from screening.settings import Settings
from screening.spool.store import Spool
from screening.transport.addresses import AddressList
from screening.transport.tls import server_context

ACSE_TIMEOUT_S = 10
DIMSE_TIMEOUT_S = 30
NETWORK_TIMEOUT_S = 60
"""An association may idle this long between two objects; slow modalities do."""
FINISH_TIMEOUT_S = 10
"""How long associations may go on after the process was told to stop."""


@contextmanager
def running_scp(
    settings: Settings,
    database: Database,
    share: Share | None = None,
    more: Collection[Service] = (),
) -> Iterator[tuple[str, int]]:
    """Serve associations inside the block; yields the (host, port) listened on.

    share: of this process where several serve one port. more: services beside those of this
    station.
    At the end no new association is taken and those under way may finish.
    Raises StartupError where the address cannot be listened on, SettingsError where the files for
    TLS are not right.
    """
    spool = Spool(settings.spool_dir, min_free_bytes=settings.min_free_mib << 20)
    doorbell = Doorbell(make_celery_app(settings), Queue.CLASSIFY)
    reporter = CommitmentReporter(settings, database, spool)
    intake = Intake(database, spool)
    sessions = Sessions(intake)
    taking = Taking(
        spool,
        intake,
        doorbell,
        max_object_bytes=settings.max_object_mib << 20,
        owner=share.token if share else "",
    )
    storage = StorageHandler(taking, sessions)
    services = (
        verification(),
        storage.service(settings.extra_sop_classes),
        CommitmentRequestHandler(database, reporter).service(),
        CommitmentAnswerHandler(database).service(),
        *more,
    )
    with spool.receiving(), reporter.running():
        ae = _make_ae(settings, services)
        places = share.places if share else OwnPlaces(settings.max_associations)
        admission = _admission(settings, spool, places)
        terms = _terms(settings, services, storage, sessions, admission)
        handlers = [*bindings_of(services), *sessions.bindings()]
        server = _listen(ae, settings, handlers, terms, share)
        doorbell.ring()  # what an earlier process accepted may still wait
        try:
            host, port = server.server_address[:2]
            if share is None:
                log_start(settings, str(host), int(port))
            yield str(host), int(port)
        finally:
            server.shutdown()
            _let_finish(ae)
            for association in ae.active_associations:
                association.ends_for("association_ended_early", "the SCP was told to stop")
            ae.shutdown()
            doorbell.close()


def _make_ae(settings: Settings, services: Collection[Service]) -> AE:
    ae = AE(ae_title=settings.ae_title)
    for context in contexts_of(services):
        ae.add_supported_context(  # its own setter forgets the roles
            context.abstract_syntax,
            context.transfer_syntax,
            scu_role=context.scu_role,
            scp_role=context.scp_role,
        )
    ae.maximum_associations = sys.maxsize  # Admission counts them
    ae.maximum_pdu_size = MAXIMUM_PDU_BYTES
    ae.acse_timeout = ACSE_TIMEOUT_S
    ae.dimse_timeout = DIMSE_TIMEOUT_S
    ae.network_timeout = NETWORK_TIMEOUT_S
    return ae


def _admission(settings: Settings, spool: Spool, places: Places) -> Admission:
    return Admission(
        calling_ae_titles=settings.allowed_calling_ae_titles,
        called_ae_title=settings.ae_title if settings.require_called_ae_title else None,
        places=places,
        require_space=spool.require_space,
    )


def _terms(
    settings: Settings,
    services: Collection[Service],
    storage: StorageHandler,
    sessions: Sessions,
    admission: Admission,
) -> Terms:
    return Terms(
        admission=admission,
        judge=judge_of(services),
        open_object=storage.open_object,
        store=storage.store,
        cut_short=DATA_SET_ENDED_EARLY,
        max_object_bytes=settings.max_object_mib << 20,
        refused=storage.request_refused,
        at_end=sessions.association_ended,
        note_refusal=RefusalLog().note,
    )


def _connection_rules(settings: Settings, terms: Terms, half_open: HalfOpen) -> ConnectionRules:
    return ConnectionRules(
        addresses=AddressList(settings.allowed_addresses),
        trusted_proxies=AddressList(settings.scp_trusted_proxies),
        half_open=half_open,
        artim_timeout_s=settings.artim_timeout_s,
        tls=_tls(settings),
        terms=terms,
    )


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.scp_tls == "off":
        return None
    return server_context(settings.tls_credentials, mutual=settings.scp_tls == "mutual")


def _listen(
    ae: AE,
    settings: Settings,
    handlers: list[tuple[object, ...]],
    terms: Terms,
    share: Share | None,
) -> ReceiveServer:
    contexts = ae.supported_contexts
    server: ReceiveServer
    if share is not None:
        rules = _connection_rules(settings, terms, share.handed)
        server = HandedServer(ae, contexts, handlers, rules, share)
    else:
        half_open = HalfOpenConnections(
            per_address=settings.max_half_open_per_address, in_all=HALF_OPEN_IN_ALL
        )
        rules = _connection_rules(settings, terms, half_open)
        address = (settings.scp_host, settings.scp_port)
        try:
            server = ReceiveServer(ae, address, contexts, handlers, rules)
        except OSError as error:
            raise StartupError(cannot_listen(settings, error)) from error
    server.serve_in_thread()
    return server


def _let_finish(ae: AE) -> None:
    deadline = time.monotonic() + FINISH_TIMEOUT_S
    while ae.active_associations and time.monotonic() < deadline:
        time.sleep(0.1)
