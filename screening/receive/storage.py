"""C-STORE: takes an object, or refuses it with a status. Source: PS3.4 annex B.

It hands the object on and counts what became of it; the rules are elsewhere.
"""

from collections.abc import Sequence

from screening.dimse import messages
from screening.dimse.acceptor import GuardedAssociation
from screening.dimse.data_set_files import DataSetFile
from screening.dimse.messages import ReceivedObject, Refusal, RefusedRequest
from screening.errors import UnreadableDataSetError
from screening.imaging.pixels.transfer_syntaxes import decodable_transfer_syntaxes
from screening.receive.command_set import operation_name
from screening.receive.objects.incoming import IncomingFile
from screening.receive.objects.intake import Request
from screening.receive.objects.sop_classes import received_sop_classes
from screening.receive.objects.taking import Taking
from screening.receive.services import Service
from screening.receive.sessions import Sessions
from screening.transport.command_elements import C_STORE


class StorageHandler:
    """Takes the objects of associations."""

    def __init__(self, taking: Taking, sessions: Sessions) -> None:
        self._taking = taking
        self._sessions = sessions

    def service(self, extra_sop_classes: Sequence[str] = ()) -> Service:
        """Return the service: in every transfer syntax that decodes here."""
        return Service(
            sop_classes=received_sop_classes(extra_sop_classes),
            transfer_syntaxes=tuple(decodable_transfer_syntaxes()),
            files={C_STORE},
        )

    def open_object(self, request: messages.Request, transfer_syntax_uid: str) -> IncomingFile:
        """Open the file of an object on its way in."""
        named = Request(request.sop_class_uid, request.sop_instance_uid)
        return self._taking.open(named, transfer_syntax_uid)

    def store(self, association: GuardedAssociation, received: ReceivedObject) -> Refusal | None:
        """Take an object; return why it is refused, None where it is safe."""
        session = self._sessions.of(association)
        request = Request(received.request.sop_class_uid, received.request.sop_instance_uid)
        incoming = received.file
        if isinstance(incoming, IncomingFile):
            outcome = self._taking.take(incoming, request, session.peer)
        else:
            outcome = self._taking.refuse(_absent(incoming), request, session.peer)
        session.count(outcome)
        return outcome if isinstance(outcome, Refusal) else None

    def request_refused(self, association: GuardedAssociation, refused: RefusedRequest) -> None:
        """Log and record a request that was refused because of its command set."""
        asked, refusal = refused.request, refused.refusal
        if asked.command_field == C_STORE:
            request = Request(asked.sop_class_uid, asked.sop_instance_uid)
            session = self._sessions.of(association)
            session.count(refusal)
            self._taking.note_refusal(request, session.peer, refusal.status, refusal.comment)
        else:
            association.note(
                "request_refused",
                refusal.comment,
                operation=operation_name(asked),
                status=f"0x{refusal.status:04X}",
            )


def _absent(incoming: DataSetFile | None) -> UnreadableDataSetError:
    if incoming is not None:
        incoming.discard()
    return UnreadableDataSetError("expected a data set with the C-STORE request, found none")
