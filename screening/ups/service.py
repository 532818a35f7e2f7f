"""The services of Unified Procedure Steps, for the SCP; none where no AE may ask for them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.events import Event

from screening.db.session import Database
from screening.domain.procedure_step import (
    ACTIONS,
    UPS_PULL,
    UPS_PUSH,
    UPS_QUERY,
    UPS_WATCH,
    ActionType,
    UpsStatus,
)
from screening.receive.services import Handler, Service
from screening.settings import Settings
from screening.storage_scu.destination import DicomDestination, configured_peer
from screening.transport.command_elements import C_FIND, N_ACTION, N_GET, N_SET
from screening.ups.answers import Answer, Answers, RefusedError
from screening.ups.operations.change import Changer
from screening.ups.operations.find import Finder
from screening.ups.operations.get import Getter
from screening.ups.operations.performed import Setter
from screening.ups.operations.subscriptions import Subscriber
from screening.ups.steps.attributes import Terms
from screening.ups.watching.reporter import StepReporter
from screening.ups.watching.watch import StepWatcher

TRANSFER_SYNTAXES = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))


@contextmanager
def running_ups(
    settings: Settings, database: Database, *, reports: bool = True
) -> Iterator[tuple[Service, ...]]:
    """Yield the services, and report events inside the block.

    reports: whether this process tells those who watch; one of those that serve a port does.
    Raises SettingsError where a peer wants TLS and the files for it are not right.
    """
    if not settings.ups_peers:
        yield ()
        return
    terms = Terms(settings.ups_worklist_label, settings.ups_retrieve_ae_title, settings.waiting_cap)
    peers = _listening(settings)
    services = _services(settings, database, terms, peers)
    reporter = StepReporter(settings, database, StepWatcher(database, terms), peers)
    if not reports:
        yield services
        return
    with reporter.running():
        yield services


def _listening(settings: Settings) -> Mapping[str, DicomDestination]:
    """Return where AEs listen that may be told of events."""
    return {
        one.ae_title: configured_peer(
            address,
            name=one.ae_title,
            calling_ae_title=settings.ae_title,
            credentials=settings.tls_credentials,
        )
        for one in settings.ups_peers
        if (address := one.address) is not None
    }


def _services(
    settings: Settings,
    database: Database,
    terms: Terms,
    peers: Mapping[str, DicomDestination],
) -> tuple[Service, ...]:
    answers = Answers([one.ae_title for one in settings.ups_peers])
    changer, subscriber = Changer(database, terms), Subscriber(database, terms, peers)
    acts: Mapping[ActionType, Callable[[Event], Answer]] = {
        ActionType.CHANGE_STATE: changer.change_state,
        ActionType.REQUEST_CANCEL: changer.request_cancel,
        ActionType.SUBSCRIBE: subscriber.subscribe,
        ActionType.UNSUBSCRIBE: subscriber.unsubscribe,
        ActionType.SUSPEND_GLOBAL_SUBSCRIPTION: subscriber.suspend,
    }
    asking: dict[int, Handler] = {
        C_FIND: answers.many(Finder(database, terms).find),
        N_GET: answers.one(Getter(database, terms).get),
    }
    setting: dict[int, Handler] = {N_SET: answers.one(Setter(database, terms).set)}

    def acting(sop_class: str) -> dict[int, Handler]:
        def act(event: Event) -> Answer:
            kind = event.request.ActionTypeID
            if kind not in ACTIONS[sop_class]:
                raise RefusedError(UpsStatus.NO_SUCH_ACTION)
            return acts[ActionType(kind)](event)

        return {N_ACTION: answers.one(act)}

    handlers = {
        UPS_PULL: {**asking, **setting, **acting(UPS_PULL)},
        UPS_WATCH: {**asking, **acting(UPS_WATCH)},
        UPS_QUERY: asking,
    }
    return tuple(
        Service(
            sop_classes=(sop_class,),
            transfer_syntaxes=TRANSFER_SYNTAXES,
            handlers=of_class,
            also_named=(UPS_PUSH,),
        )
        for sop_class, of_class in handlers.items()
    )
