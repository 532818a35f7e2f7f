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
from screening.dimse.messages import Refusal
from screening.logs import get_logger
from screening.receive.objects.intake import Intake, Outcome, Peer
from screening.receive.objects.taking import log_unrecorded

log = get_logger()


@dataclass(slots=True)
class Session:
    """What one association, or one STOW-RS request, did so far."""

    peer: Peer
    counts: Counter[str] = field(default_factory=Counter)
    outcome: str = "connection_lost"

    def count(self, outcome: Outcome | Refusal) -> None:
        """Count an object that was taken or refused."""
        self.counts["refused" if isinstance(outcome, Refusal) else outcome] += 1

    def record_end(self, intake: Intake, reason: str = "") -> None:
        """Log and record how it ended; reason: why it was not as it should, in words."""
        totals = {
            "stored": self.counts[Outcome.STORED] + self.counts[Outcome.CONFLICTED],
            "repeated": self.counts[Outcome.REPEATED],
            "refused": self.counts["refused"],
        }
        log.log(
            logging.WARNING if reason else logging.INFO,
            "association_closed",
            association_id=self.peer.association_id,
            calling_ae_title=self.peer.calling_ae_title,
            peer_address=self.peer.address,
            outcome=self.outcome,
            reason=reason or "released",
            **totals,
        )
        try:
            intake.record_close(self.peer, outcome=self.outcome, **totals)
        except Exception as unrecorded:  # noqa: BLE001  it is over, whatever happens
            log_unrecorded("association_not_recorded", self.peer, unrecorded)


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
        session.record_end(self._intake, ending.reason if ending else "")

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
