"""What each association did, and how it ended."""

import logging
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from screening.db.clock import utc_now
from screening.dimse.acceptor import GuardedAssociation
from screening.errors import ScreeningError
from screening.logs import get_logger
from screening.receive.objects.intake import Intake, Outcome, Peer

log = get_logger()


@dataclass(slots=True)
class Session:
    """What one association did so far."""

    peer: Peer
    counts: Counter[str] = field(default_factory=Counter)
    outcome: str = "connection_lost"


class Sessions:
    """The associations that sent objects; others leave at most a line in the log."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._sessions: WeakKeyDictionary[Association, Session] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def bindings(self) -> list[tuple[object, ...]]:
        """Return the (event, handler) pairs for the server."""
        return [
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_RELEASED, self._ended, ["released"]),
            (evt.EVT_ABORTED, self._ended, ["aborted"]),
        ]

    def of(self, association: Association) -> Session:
        """Return an association's session; it begins where there is none."""
        with self._lock:
            if association not in self._sessions:
                requestor = association.requestor
                self._sessions[association] = Session(
                    Peer(
                        association_id=str(uuid.uuid4()),
                        calling_ae_title=str(requestor.ae_title).strip(),
                        called_ae_title=str(requestor.primitive.called_ae_title).strip(),
                        address=str(requestor.address),
                        opened_at=utc_now(),
                    )
                )
            return self._sessions[association]

    def association_ended(self, association: GuardedAssociation) -> None:
        """Record the end of an association that sent objects; log why any was not released."""
        with self._lock:
            session = self._sessions.pop(association, None)
        ending = association.ending
        if session is None:
            if ending is not None:
                association.note(ending.event, ending.reason)
            return
        counts = session.counts
        totals = {
            "stored": counts[Outcome.STORED] + counts[Outcome.CONFLICTED],
            "repeated": counts[Outcome.REPEATED],
            "refused": counts["refused"],
        }
        log.log(
            logging.INFO if ending is None else logging.WARNING,
            "association_closed",
            association_id=session.peer.association_id,
            calling_ae_title=session.peer.calling_ae_title,
            peer_address=session.peer.address,
            outcome=session.outcome,
            reason=ending.reason if ending else "released",
            **totals,
        )
        try:
            self._intake.record_close(session.peer, outcome=session.outcome, **totals)
        except Exception as unrecorded:  # noqa: BLE001  the association is over, whatever happens
            log_unrecorded("association_not_recorded", session.peer, unrecorded)

    def _rejected(self, event: Event) -> None:
        association: GuardedAssociation = event.assoc
        association.note(
            "association_rejected",
            str(association.refused or ""),
            called_ae_title=str(association.requestor.primitive.called_ae_title).strip(),
        )

    def _ended(self, event: Event, outcome: str) -> None:
        with self._lock:
            session = self._sessions.get(event.assoc)
        if session is not None:
            session.outcome = outcome


def log_unrecorded(event: str, peer: Peer, error: Exception) -> None:
    """Log that a row of the audit trail could not be written."""
    ours = isinstance(error, ScreeningError)
    log.warning(
        event,
        association_id=peer.association_id,
        reason=str(error) if ours else type(error).__name__,
        exc_info=None if ours else error,
    )
