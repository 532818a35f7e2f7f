"""Who gets an association, and what the others are told. Source: PS3.8 9.3.4."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from screening.errors import OutOfSpaceError

REJECTED_PERMANENT, REJECTED_TRANSIENT = 1, 2
SERVICE_USER, SERVICE_PROVIDER_ACSE, SERVICE_PROVIDER_PRESENTATION = 1, 2, 3


class Refused(StrEnum):
    """Why an association is rejected."""

    CALLING_AE_TITLE = "calling AE title not recognized"
    CALLED_AE_TITLE = "called AE title not recognized"
    APPLICATION_CONTEXT = "application context name not supported"
    PROTOCOL_VERSION = "protocol version not supported"
    TOO_MANY_ASSOCIATIONS = "too many associations"
    TOO_LITTLE_SPACE = "too little space in the spool"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Result, source and reason of an A-ASSOCIATE-RJ."""

    result: int
    source: int
    diagnostic: int


TEMPORARY_CONGESTION = Rejection(REJECTED_TRANSIENT, SERVICE_PROVIDER_PRESENTATION, 1)

REJECTION_OF: Mapping[Refused, Rejection] = {
    Refused.CALLING_AE_TITLE: Rejection(REJECTED_PERMANENT, SERVICE_USER, 3),
    Refused.CALLED_AE_TITLE: Rejection(REJECTED_PERMANENT, SERVICE_USER, 7),
    Refused.APPLICATION_CONTEXT: Rejection(REJECTED_PERMANENT, SERVICE_USER, 2),
    Refused.PROTOCOL_VERSION: Rejection(REJECTED_PERMANENT, SERVICE_PROVIDER_ACSE, 2),
    Refused.TOO_MANY_ASSOCIATIONS: TEMPORARY_CONGESTION,
    Refused.TOO_LITTLE_SPACE: TEMPORARY_CONGESTION,
}


class Admission:
    """Judges association requests, and counts the associations that were let in until they end."""

    def __init__(
        self,
        *,
        calling_ae_titles: Collection[str],
        called_ae_title: str | None,
        max_associations: int,
        require_space: Callable[[], None],
    ) -> None:
        """Take the rules; an empty list, and a called AE title of None, let everybody in."""
        self._calling_ae_titles = frozenset(calling_ae_titles)
        self._called_ae_title = called_ae_title
        self._max_associations = max_associations
        self._require_space = require_space
        self._inside: set[object] = set()
        self._lock = threading.Lock()

    def enter(self, key: object, *, calling_ae_title: str, called_ae_title: str) -> Refused | None:
        """Let an association in under `key`, or say why not."""
        if self._calling_ae_titles and calling_ae_title not in self._calling_ae_titles:
            return Refused.CALLING_AE_TITLE
        if self._called_ae_title not in {None, called_ae_title}:
            return Refused.CALLED_AE_TITLE
        try:
            self._require_space()
        except OutOfSpaceError:
            return Refused.TOO_LITTLE_SPACE
        with self._lock:
            if len(self._inside) >= self._max_associations:
                return Refused.TOO_MANY_ASSOCIATIONS
            self._inside.add(key)
        return None

    def leave(self, key: object) -> None:
        """Give an association's place back; one that had none changes nothing."""
        with self._lock:
            self._inside.discard(key)
