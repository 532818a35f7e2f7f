"""One way into spool and row for C-STORE and STOW-RS: the same limits, verdicts, log and events."""

from screening.dimse.messages import Refusal
from screening.doorbell.ring import Doorbell
from screening.errors import ScreeningError
from screening.logs import get_logger
from screening.receive.objects.file_meta import file_head
from screening.receive.objects.incoming import IncomingFile
from screening.receive.objects.intake import Intake, Outcome, Peer, Request
from screening.receive.statuses import refusal_of
from screening.spool.store import Spool

log = get_logger()


class Taking:
    """Takes objects into one spool and through one intake, and rings for those that are new."""

    def __init__(
        self,
        spool: Spool,
        intake: Intake,
        doorbell: Doorbell,
        *,
        max_object_bytes: int,
        owner: str = "",
    ) -> None:
        """owner: what the names of incoming files begin with."""
        self._spool = spool
        self._intake = intake
        self._doorbell = doorbell
        self._max_object_bytes = max_object_bytes
        self._owner = owner

    def open(self, request: Request, transfer_syntax_uid: str) -> IncomingFile:
        """Open the file of an object on its way in; it keeps what fails, and raises nothing."""
        return IncomingFile(
            self._spool.incoming,
            self._max_object_bytes,
            self._spool.require_space,
            head=file_head(request.sop_class_uid, request.sop_instance_uid, transfer_syntax_uid),
            owner=self._owner,
        )

    def take(self, incoming: IncomingFile, request: Request, peer: Peer) -> Outcome | Refusal:
        """Take a whole object; return what became of it, or why it is refused. Raises nothing."""
        try:
            outcome = self._intake.take(incoming.finish(), request, peer, sha256=incoming.sha256)
        except Exception as error:  # noqa: BLE001  whatever it is, the sender gets an answer
            return self.refuse(error, request, peer)
        finally:
            incoming.discard()
        if outcome is not Outcome.REPEATED:
            self._doorbell.ring()
        return outcome

    def refuse(self, error: Exception, request: Request, peer: Peer) -> Refusal:
        """Log and record that an object is refused for an error; return the refusal."""
        refusal = refusal_of(error)
        reason = str(error) if isinstance(error, ScreeningError) else type(error).__name__
        unexpected = None if isinstance(error, ScreeningError) else error
        self.note_refusal(request, peer, refusal.status, reason, unexpected)
        return refusal

    def note_refusal(
        self,
        request: Request,
        peer: Peer,
        status: int,
        reason: str,
        error: Exception | None = None,
    ) -> None:
        """Log and record that an object is refused, with status and reason."""
        log.warning(
            "instance_refused",
            sop_instance_uid=request.sop_instance_uid,
            association_id=peer.association_id,
            calling_ae_title=peer.calling_ae_title,
            peer_address=peer.address,
            status=f"0x{status:04X}",
            reason=reason,
            exc_info=error,
        )
        try:
            self._intake.record_refusal(request, peer, status=status, reason=reason)
        except Exception as unrecorded:  # noqa: BLE001  the answer matters more than its record
            log_unrecorded("refusal_not_recorded", peer, unrecorded)


def log_unrecorded(event: str, peer: Peer, error: Exception) -> None:
    """Log that a row of the audit trail could not be written."""
    ours = isinstance(error, ScreeningError)
    log.warning(
        event,
        association_id=peer.association_id,
        reason=str(error) if ours else type(error).__name__,
        exc_info=None if ours else error,
    )
