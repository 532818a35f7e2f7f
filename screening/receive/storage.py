"""C-STORE: takes an object, or refuses it with a status. Source: PS3.4 annex B.

It calls the intake and turns its errors into statuses; the rules are elsewhere.
`docs/conformance.md` is compared with the SOP classes by a test.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom.events import Event

from screening.dimse.acceptor import GuardedAssociation
from screening.dimse.data_set_files import DataSetFile, data_set_file
from screening.dimse.messages import RefusedRequest
from screening.doorbell.ring import Doorbell
from screening.errors import ScreeningError, UnreadableDataSetError
from screening.imaging.transfer_syntaxes import decodable_transfer_syntaxes
from screening.logs import get_logger
from screening.receive.command_set import operation_name
from screening.receive.incoming import IncomingFile
from screening.receive.intake import Intake, Outcome, Request
from screening.receive.services import Service
from screening.receive.sessions import Session, Sessions, log_unrecorded
from screening.receive.statuses import MAX_COMMENT_CHARACTERS, SUCCESS, refusal_of
from screening.transport.command_elements import C_STORE

STORAGE_SOP_CLASSES: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography Image Storage",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray Image Storage - For Presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray Image Storage - For Processing",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.3": "Multi-frame Grayscale Word Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.7.4": "Multi-frame True Color Secondary Capture Image Storage",
}
log = get_logger()


class StorageHandler:
    """Takes objects, bound to one intake and one doorbell."""

    def __init__(self, intake: Intake, doorbell: Doorbell, sessions: Sessions) -> None:
        self._intake = intake
        self._doorbell = doorbell
        self._sessions = sessions

    def service(self, extra_sop_classes: Sequence[str] = ()) -> Service:
        """Return the service: in every transfer syntax that decodes here."""
        return Service(
            sop_classes=tuple(dict.fromkeys([*STORAGE_SOP_CLASSES, *extra_sop_classes])),
            transfer_syntaxes=tuple(decodable_transfer_syntaxes()),
            handlers={C_STORE: self._store},
        )

    def _store(self, event: Event) -> Dataset:
        session = self._sessions.of(event.assoc)
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

    def _refuse(self, error: Exception, request: Request, session: Session) -> Dataset:
        refusal = refusal_of(error)
        reason = str(error) if isinstance(error, ScreeningError) else type(error).__name__
        unexpected = None if isinstance(error, ScreeningError) else error
        self._note_refusal(request, session, refusal.status, reason, unexpected)
        return _response(refusal.status, refusal.comment)

    def _note_refusal(
        self,
        request: Request,
        session: Session,
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
            log_unrecorded("refusal_not_recorded", session.peer, unrecorded)

    def request_refused(self, association: GuardedAssociation, refused: RefusedRequest) -> None:
        """Log and record a request that was refused because of its command set."""
        asked, refusal = refused.request, refused.refusal
        if asked.command_field == C_STORE:
            request = Request(asked.sop_class_uid, asked.sop_instance_uid)
            session = self._sessions.of(association)
            self._note_refusal(request, session, refusal.status, refusal.comment)
        else:
            association.note(
                "request_refused",
                refusal.comment,
                operation=operation_name(asked),
                status=f"0x{refusal.status:04X}",
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
