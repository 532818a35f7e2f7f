"""A reader's workstation that works by Unified Procedure Step, and one that listens for events."""

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from screening.domain.procedure_step import (
    UPS_EVENT,
    UPS_PULL,
    UPS_PUSH,
    UPS_QUERY,
    UPS_WATCH,
    ActionType,
    StepState,
)
from screening.imaging.quiet import quiet
from screening.storage_scu.destination import DicomDestination
from tests.services.ended_association import ended

WORKSTATION = "READER_1"
PENDING = (0xFF00, 0xFF01)
RETURNED = (
    "SOPInstanceUID",
    "ProcedureStepState",
    "ScheduledProcedureStepPriority",
    "StudyInstanceUID",
    "PatientID",
    "WorklistLabel",
)


def keys(**given: Any) -> Dataset:
    """Return the identifier of a query: these keys, and those that every test looks at."""
    made = Dataset()
    for keyword in RETURNED:
        setattr(made, keyword, "")
    with quiet():
        for keyword, value in given.items():
            setattr(made, keyword, value)
    return made


@dataclass
class Workstation:
    """One association with the SCP."""

    association: Association
    comment: str = ""
    """Of the newest answer."""

    def find(self, identifier: Dataset, model: str = UPS_PULL) -> tuple[list[Dataset], int]:
        """Return the matches of a query, and its last status."""
        found, status = [], -1
        for answer, match in self.association.send_c_find(identifier, model):
            status = answer.Status
            self.comment = str(answer.get("ErrorComment") or "")
            if status in PENDING:
                found.append(match)
        return found, status

    def get(self, uid: str, tags: Sequence[int] = ()) -> tuple[int, Dataset | None]:
        """Return the status of an N-GET, and what it answers."""
        status, found = self.association.send_n_get(list(tags), UPS_PUSH, uid, meta_uid=UPS_PULL)
        return status.Status, found

    def change(self, uid: str, state: StepState | str, transaction_uid: str = "2.25.7") -> int:
        """Ask for another state; return the status."""
        information = Dataset()
        information.ProcedureStepState = str(state)
        if transaction_uid:
            information.TransactionUID = transaction_uid
        return self.act(ActionType.CHANGE_STATE, uid, information, UPS_PULL)

    def act(
        self, action: int, uid: str, information: Dataset | None, model: str = UPS_WATCH
    ) -> int:
        """Send an N-ACTION; return the status."""
        status, _ = self.association.send_n_action(
            information, int(action), UPS_PUSH, uid, meta_uid=model
        )
        self.comment = str(status.get("ErrorComment") or "")
        return int(status.Status)

    def watch(
        self, action: ActionType, uid: str, receiving_ae_title: str = WORKSTATION, **more: Any
    ) -> int:
        """Subscribe, unsubscribe or suspend for an AE; return the status."""
        information = Dataset()
        information.ReceivingAE = receiving_ae_title
        information.DeletionLock = "FALSE"
        with quiet():
            for keyword, value in more.items():
                setattr(information, keyword, value)
        return self.act(action, uid, information)

    def set(self, uid: str, transaction_uid: str, **values: Any) -> int:
        """Send an N-SET; return the status."""
        changes = Dataset()
        changes.TransactionUID = transaction_uid
        for keyword, value in values.items():
            setattr(changes, keyword, value)
        status, _ = self.association.send_n_set(changes, UPS_PUSH, uid, meta_uid=UPS_PULL)
        return int(status.Status)


@contextmanager
def workstation(peer: DicomDestination, title: str = WORKSTATION) -> Iterator[Workstation]:
    """Open an association for the SOP classes of who works and who watches."""
    entity = AE(title)
    for sop_class in (UPS_PULL, UPS_WATCH, UPS_QUERY):
        entity.add_requested_context(sop_class)
    association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title)
    with ended(association):
        yield Workstation(association)


@dataclass
class Heard:
    """The events that a listener was told of, in their order."""

    events: "queue.Queue[tuple[str, int, Dataset]]" = field(default_factory=queue.Queue)
    status: int = 0x0000
    """With which it answers."""

    def next(self) -> tuple[str, int, Dataset]:
        """Return the next event: the step's UID, the event type and what it says."""
        return self.events.get(timeout=30)

    def take(self, event: Event) -> tuple[int, Dataset | None]:
        """Take one event."""
        request = event.request
        self.events.put(
            (str(request.AffectedSOPInstanceUID), request.EventTypeID, event.event_information)
        )
        return self.status, None


@contextmanager
def listening(heard: Heard, title: str = WORKSTATION, port: int = 0) -> Iterator[int]:
    """Listen for events as SCU of UPS Event, on a free port unless one is given; yield it."""
    entity = AE(title)
    entity.add_supported_context(UPS_EVENT, scu_role=True, scp_role=True)
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, heard.take)]
    )
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
