"""Peers of Storage Commitment: a modality that asks, and a destination that is asked."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import AllStoragePresentationContexts
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
)

from screening.domain.commitment import SopReference
from screening.storage_scu.destination import DicomDestination
from tests.services.ended_association import ended

WAIT_S = 60
MODALITY = "CR1"
DESTINATION = "PACS"


def items(references: Sequence[SopReference]) -> list[Dataset]:
    """Return the items of a sequence of references."""
    made = []
    for one in references:
        item = Dataset()
        item.ReferencedSOPClassUID = one.sop_class_uid
        item.ReferencedSOPInstanceUID = one.sop_instance_uid
        made.append(item)
    return made


def information(transaction_uid: str, references: Sequence[SopReference]) -> Dataset:
    """Return the information of an N-ACTION."""
    made = Dataset()
    made.TransactionUID = transaction_uid
    made.ReferencedSOPSequence = items(references)
    return made


def send_action(association: Association, asked: Dataset, action_type: int = 1) -> int | None:
    """Send an N-ACTION; return its status."""
    status, _ = association.send_n_action(
        asked, action_type, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    found: int | None = status.get("Status")
    return found


def send_report(association: Association, event_type: int, said: Dataset) -> int | None:
    """Send an N-EVENT-REPORT; return its status."""
    status, _ = association.send_n_event_report(
        said, event_type, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    found: int | None = status.get("Status")
    return found


@dataclass
class Heard:
    """The N-EVENT-REPORTs a modality was sent."""

    status: int = 0x0000
    events: list[tuple[int, Dataset]] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)

    def handler(self) -> tuple[object, ...]:
        """Return what takes them."""
        return (evt.EVT_N_EVENT_REPORT, self._take)

    def _take(self, event: Event) -> tuple[int, None]:
        self.events.append((event.event_type, event.event_information))
        self.came.set()
        return self.status, None

    def wait(self) -> tuple[int, Dataset]:
        """Return the first one, when it has come."""
        assert self.came.wait(WAIT_S), "no N-EVENT-REPORT came"
        return self.events[0]


@contextmanager
def asking(
    peer: DicomDestination, heard: Heard | None = None, *, title: str = MODALITY
) -> Iterator[Association]:
    """Open an association of a modality that stores and asks for commitment."""
    entity = AE(title)
    entity.dimse_timeout = entity.network_timeout = WAIT_S
    contexts = [
        build_context(StorageCommitmentPushModel),
        build_context("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.1.2.1"),
    ]
    association = entity.associate(
        peer.host,
        peer.port,
        contexts=contexts,
        ae_title=peer.ae_title,
        evt_handlers=[heard.handler()] if heard else [],
    )
    with ended(association):
        yield association


@contextmanager
def listening_modality(heard: Heard, port: int = 0) -> Iterator[int]:
    """Listen for answers on an association of the SCP's own; yields the port."""
    entity = AE(MODALITY)
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[heard.handler()])
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()


class Manner(StrEnum):
    """How a destination answers a request for commitment."""

    SAME_ASSOCIATION = "same association"
    NEW_ASSOCIATION = "new association"
    SILENCE = "silence"
    REFUSAL = "refusal"


@dataclass
class Archive:
    """A destination: what it holds, what it was asked, how it answers."""

    manner: Manner = Manner.SAME_ASSOCIATION
    scp_port: int = 0
    loses: int = 0
    """So many objects are answered with Success and not kept."""
    lists: bool = True
    port: int = 0
    held: dict[str, str] = field(default_factory=dict)
    stored: int = 0
    asked: list[Dataset] = field(default_factory=list)
    report_statuses: list[int | None] = field(default_factory=list)

    def store(self, event: Event) -> int:
        """Take an object, or seem to."""
        self.stored += 1
        if self.stored > self.loses:
            found = event.request
            self.held[str(found.AffectedSOPInstanceUID)] = str(found.AffectedSOPClassUID)
        return 0x0000

    def action(self, event: Event) -> tuple[int, None]:
        """Take a request."""
        if self.manner is Manner.REFUSAL:
            return 0x0110, None
        asked = event.action_information
        self.asked.append(asked)
        if self.manner is Manner.SAME_ASSOCIATION:
            target, arguments = self._tell_here, (event.assoc, asked)
            threading.Thread(target=target, args=arguments, daemon=True).start()
        elif self.manner is Manner.NEW_ASSOCIATION:
            threading.Thread(target=self._tell_anew, args=(asked,), daemon=True).start()
        return 0x0000, None

    def find(self, event: Event) -> Iterator[tuple[int, Dataset | None]]:
        """Answer a query at IMAGE level."""
        uid = str(event.identifier.SOPInstanceUID)
        if self.lists and uid in self.held:
            match = Dataset()
            match.QueryRetrieveLevel = "IMAGE"
            match.SOPInstanceUID = uid
            yield 0xFF00, match
        yield 0x0000, None

    def _answer(self, asked: Dataset) -> tuple[int, Dataset]:
        wanted = asked.ReferencedSOPSequence
        said = Dataset()
        said.TransactionUID = asked.TransactionUID
        there = [one for one in wanted if one.ReferencedSOPInstanceUID in self.held]
        missing = [one for one in wanted if one.ReferencedSOPInstanceUID not in self.held]
        if there:
            said.ReferencedSOPSequence = there
        for one in missing:
            one.FailureReason = 0x0112
        if missing:
            said.FailedSOPSequence = missing
        return 2 if missing else 1, said

    def _tell_here(self, association: Association, asked: Dataset) -> None:
        threading.Event().wait(0.5)  # the response to the N-ACTION goes first
        self.report_statuses.append(send_report(association, *self._answer(asked)))

    def _tell_anew(self, asked: Dataset) -> None:
        with telling(self.scp_port) as association:
            self.report_statuses.append(send_report(association, *self._answer(asked)))


@contextmanager
def telling(scp_port: int, *, title: str = DESTINATION) -> Iterator[Association]:
    """Open an association of a destination that is SCP of Storage Commitment in it."""
    association = AE(title).associate(
        "127.0.0.1",
        scp_port,
        contexts=[build_context(StorageCommitmentPushModel)],
        ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
        ae_title="SCREENING",
    )
    with ended(association):
        yield association


@contextmanager
def running_archive(archive: Archive) -> Iterator[Archive]:
    """Run a destination on a free port."""
    entity = AE(DESTINATION)
    entity.supported_contexts = AllStoragePresentationContexts
    entity.add_supported_context(StorageCommitmentPushModel)
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    handlers = [
        (evt.EVT_C_STORE, archive.store),
        (evt.EVT_N_ACTION, archive.action),
        (evt.EVT_C_FIND, archive.find),
    ]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    archive.port = int(server.server_address[1])
    try:
        yield archive
    finally:
        server.shutdown()
