"""Translate pynetdicom's events to the intake and its errors to statuses; no rule lives here."""

import logging
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from screening.db.clock import utc_now
from screening.dimse.acceptor import GuardedAssociation
from screening.dimse.data_set_files import DataSetFile, data_set_file
from screening.dimse.messages import RefusedRequest
from screening.doorbell.ring import Doorbell
from screening.errors import ScreeningError, UnreadableDataSetError
from screening.logs import get_logger
from screening.receive.command_set import operation_name
from screening.receive.commitment_scp.handler import CommitmentRequestHandler
from screening.receive.commitment_scu_answers import CommitmentAnswerHandler
from screening.receive.incoming import IncomingFile
from screening.receive.intake import Intake, Outcome, Peer, Request
from screening.receive.statuses import MAX_COMMENT_CHARACTERS, SUCCESS, refusal_of
from screening.transport.command_elements import C_STORE

log = get_logger()


@dataclass(slots=True)
class _Session:
    """What one association did so far."""

    peer: Peer
    counts: Counter[str] = field(default_factory=Counter)
    outcome: str = "connection_lost"


class Handlers:
    """pynetdicom's event handlers, bound to one intake, one doorbell and Storage Commitment."""

    def __init__(
        self,
        intake: Intake,
        doorbell: Doorbell,
        commitment_requests: CommitmentRequestHandler,
        commitment_answers: CommitmentAnswerHandler,
    ) -> None:
        self._intake = intake
        self._doorbell = doorbell
        self._commitment_requests = commitment_requests
        self._commitment_answers = commitment_answers
        self._sessions: WeakKeyDictionary[Association, _Session] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def bindings(self) -> list[tuple[object, ...]]:
        """Return the (event, handler) pairs for `AE.start_server`."""
        return [
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_C_STORE, self._store),
            *self._commitment_requests.bindings(),
            *self._commitment_answers.bindings(),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_RELEASED, self._ended, ["released"]),
            (evt.EVT_ABORTED, self._ended, ["aborted"]),
        ]

    def _echo(self, event: Event) -> int:
        del event
        return SUCCESS

    def _store(self, event: Event) -> Dataset:
        session = self._session_of(event.assoc)
        request = Request(
            sop_class_uid=str(event.request.AffectedSOPClassUID or ""),
            sop_instance_uid=str(event.request.AffectedSOPInstanceUID or ""),
        )
        incoming = data_set_file(event.request)
        try:
            outcome = self._intake.take(_finished(incoming), request, session.peer)
        except Exception as error:  # noqa: BLE001  anything that escapes becomes 0xC211, permanent
            return self._refuse(error, request, session)
        finally:
            if incoming is not None:
                incoming.discard()
        session.counts[outcome] += 1
        if outcome is not Outcome.REPEATED:
            self._doorbell.ring()
        return _response(SUCCESS)

    def _refuse(self, error: Exception, request: Request, session: _Session) -> Dataset:
        refusal = refusal_of(error)
        reason = str(error) if isinstance(error, ScreeningError) else type(error).__name__
        unexpected = None if isinstance(error, ScreeningError) else error
        self._note_refusal(request, session, refusal.status, reason, unexpected)
        return _response(refusal.status, refusal.comment)

    def _note_refusal(
        self,
        request: Request,
        session: _Session,
        status: int,
        reason: str,
        error: Exception | None = None,
    ) -> None:
        session.counts["refused"] += 1
        log.warning(
            "instance_refused",
            sop_instance_uid=request.sop_instance_uid,
            association_id=session.peer.association_id,
            calling_ae_title=session.peer.calling_ae_title,
            peer_address=session.peer.address,
            status=f"0x{status:04X}",
            reason=reason,
            exc_info=error,
        )
        try:
            self._intake.record_refusal(request, session.peer, status=status, reason=reason)
        except Exception as unrecorded:  # noqa: BLE001  anything that escapes becomes 0xC211
            _log_unrecorded("refusal_not_recorded", session.peer, unrecorded)

    def request_refused(self, association: GuardedAssociation, refused: RefusedRequest) -> None:
        """Say and record that a request was refused by its command set alone."""
        asked, refusal = refused.request, refused.refusal
        if asked.command_field == C_STORE:
            request = Request(asked.sop_class_uid, asked.sop_instance_uid)
            session = self._session_of(association)
            self._note_refusal(request, session, refusal.status, refusal.comment)
        else:
            association.note(
                "request_refused",
                refusal.comment,
                operation=operation_name(asked),
                status=f"0x{refusal.status:04X}",
            )

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

    def association_ended(self, association: GuardedAssociation) -> None:
        """Record how an association ended that sent objects, and say why any was not released."""
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
            _log_unrecorded("association_not_recorded", session.peer, unrecorded)

    def _session_of(self, association: Association) -> _Session:
        with self._lock:
            if association not in self._sessions:
                requestor = association.requestor
                self._sessions[association] = _Session(
                    Peer(
                        association_id=str(uuid.uuid4()),
                        calling_ae_title=str(requestor.ae_title).strip(),
                        called_ae_title=str(requestor.primitive.called_ae_title).strip(),
                        address=str(requestor.address),
                        opened_at=utc_now(),
                    )
                )
            return self._sessions[association]


def _log_unrecorded(event: str, peer: Peer, error: Exception) -> None:
    ours = isinstance(error, ScreeningError)
    log.warning(
        event,
        association_id=peer.association_id,
        reason=str(error) if ours else type(error).__name__,
        exc_info=None if ours else error,
    )


def _finished(incoming: DataSetFile | None) -> Path:
    if not isinstance(incoming, IncomingFile):
        raise UnreadableDataSetError("expected a data set with the C-STORE request, found none")
    return incoming.finish()


def _response(status: int, comment: str = "") -> Dataset:
    response = Dataset()
    response.Status = status
    if comment:
        response.ErrorComment = comment[:MAX_COMMENT_CHARACTERS]
    return response
