"""C-STORE: takes an object, or refuses it with a status. Source: PS3.4 annex B.

It calls the intake and turns its errors into statuses; the rules are elsewhere.
`docs/conformance.md` is compared with the SOP classes by a test.
"""

from collections.abc import Mapping, Sequence

from screening.dimse import messages
from screening.dimse.acceptor import GuardedAssociation
from screening.dimse.data_set_files import DataSetFile
from screening.dimse.messages import ReceivedObject, Refusal, RefusedRequest
from screening.doorbell.ring import Doorbell
from screening.errors import ScreeningError, UnreadableDataSetError
from screening.imaging.pixels.transfer_syntaxes import decodable_transfer_syntaxes
from screening.logs import get_logger
from screening.receive.command_set import operation_name
from screening.receive.objects.file_meta import file_head
from screening.receive.objects.incoming import IncomingFile
from screening.receive.objects.intake import Intake, Outcome, Request
from screening.receive.services import Service
from screening.receive.sessions import Session, Sessions, log_unrecorded
from screening.receive.statuses import refusal_of
from screening.spool.store import Spool
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
    """Takes objects, bound to one spool, one intake and one doorbell."""

    def __init__(
        self,
        spool: Spool,
        intake: Intake,
        doorbell: Doorbell,
        sessions: Sessions,
        *,
        max_object_bytes: int,
        owner: str = "",
    ) -> None:
        """owner: what the names of incoming files begin with."""
        self._spool = spool
        self._intake = intake
        self._doorbell = doorbell
        self._sessions = sessions
        self._max_object_bytes = max_object_bytes
        self._owner = owner

    def service(self, extra_sop_classes: Sequence[str] = ()) -> Service:
        """Return the service: in every transfer syntax that decodes here."""
        return Service(
            sop_classes=tuple(dict.fromkeys([*STORAGE_SOP_CLASSES, *extra_sop_classes])),
            transfer_syntaxes=tuple(decodable_transfer_syntaxes()),
            files={C_STORE},
        )

    def open_object(self, request: messages.Request, transfer_syntax_uid: str) -> IncomingFile:
        """Open the file of an object on its way in."""
        return IncomingFile(
            self._spool.incoming,
            self._max_object_bytes,
            self._spool.require_space,
            head=file_head(request.sop_class_uid, request.sop_instance_uid, transfer_syntax_uid),
            owner=self._owner,
        )

    def store(self, association: GuardedAssociation, received: ReceivedObject) -> Refusal | None:
        """Take an object; return why it is refused, None where it is safe."""
        session = self._sessions.of(association)
        request = Request(received.request.sop_class_uid, received.request.sop_instance_uid)
        try:
            incoming = _arrived(received.file)
            outcome = self._intake.take(
                incoming.finish(), request, session.peer, sha256=incoming.sha256
            )
        except Exception as error:  # noqa: BLE001  whatever it is, the peer gets an answer
            return self._refuse(error, request, session)
        finally:
            if received.file is not None:
                received.file.discard()
        session.counts[outcome] += 1
        if outcome is not Outcome.REPEATED:
            self._doorbell.ring()
        return None

    def _refuse(self, error: Exception, request: Request, session: Session) -> Refusal:
        refusal = refusal_of(error)
        reason = str(error) if isinstance(error, ScreeningError) else type(error).__name__
        unexpected = None if isinstance(error, ScreeningError) else error
        self._note_refusal(request, session, refusal.status, reason, unexpected)
        return refusal

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


def _arrived(incoming: DataSetFile | None) -> IncomingFile:
    if not isinstance(incoming, IncomingFile):
        raise UnreadableDataSetError("expected a data set with the C-STORE request, found none")
    return incoming
