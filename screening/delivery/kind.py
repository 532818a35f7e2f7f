"""What a kind of delivery is: one way to send reports, such as C-STORE or files in a folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from screening.delivery.entry import DestinationSettings
from screening.delivery.registry import Registry
from screening.delivery.rendering import Rendering
from screening.transport.tls import Credentials


class Ending(StrEnum):
    """How one attempt ended, and what follows."""

    DELIVERED = "delivered"
    """The destination has the report."""
    RETRY = "retry"
    """It is sent again after a wait that grows; a destination that answers nothing else in several
    batches in a row is paused."""
    REFUSED = "refused"
    """It is parked until somebody releases it: sending it again would change nothing."""
    PAUSED = "paused"
    """As RETRY, and the destination is only probed from now on: it would answer all alike."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt's ending, the destination's status (or "") and a sentence for people."""

    ending: Ending
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a destination answered to one report."""

    outcome: str
    """A key of the kind's table of outcomes."""
    status: str
    """As the protocol writes it, at most 16 characters; empty where none came."""
    message: str
    """A sentence for people: what happened and what to do. No patient attribute."""


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as its row holds it."""

    sop_instance_uid: str
    sop_class_uid: str
    made_at: datetime
    content: bytes


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried at a destination without sending a report."""

    what: str
    passed: bool
    message: str
    """What was found and, where it did not pass, what to do."""

    def as_dict(self) -> dict[str, str | bool]:
        """Return the fields by name."""
        return asdict(self)


class Sender(Protocol):
    """Sends reports to one destination; used by one thread at a time."""

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Answer]:
        """Send reports; yield the answer to each, in their order, as soon as it is there.

        A report may come a second time, byte for byte the same: its answer was not recorded.
        """
        ...

    def test(self) -> Iterator[Check]:
        """Try whether the destination is reachable and would accept a report; send none."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """What a destination needs to know of us."""

    ae_title: str
    credentials: Credentials
    """Files of our certificate, its key, and the certificates we trust."""


Keys = TypeVar("Keys", bound=DestinationSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationKind(Generic[Keys]):
    """One way to send reports."""

    name: str
    """As `kind` of a destination in the settings, such as c-store."""
    meaning: str
    """In a few words, for people who choose one."""
    settings: type[Keys]
    """The keys that a destination of this kind has."""
    media_types: frozenset[str] | None
    """Which renderings it can send; None: any."""
    outcomes: Mapping[str, Ending]
    """How each answer that a sender of this kind gives ends the attempt."""
    connect: Callable[[Keys, Rendering, Site], Sender]
    """Returns a sender; opens no connection yet. Raises SettingsError."""


KINDS: Registry[DestinationKind[Any]] = Registry("destination kind", "screening.delivery_kinds")
