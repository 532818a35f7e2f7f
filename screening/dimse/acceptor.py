"""An association as acceptor: whatever the peer does, it ends and releases what it holds.

pynetdicom 3.0.4 reads a PDU of any length into memory, waits for ever for the rest of one, collects
commands without end, and leaks files and threads when a peer misbehaves. The subclasses here
override the methods that do. See docs/decisions/0013-guarding-pynetdicom.md.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from pynetdicom import AE, evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.acse import ACSE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_EVENT_REPORT

from screening.dimse.acceptor_dimse import AcceptorDIMSE, Judge, OpenObject
from screening.dimse.acceptor_dul import AcceptorDUL
from screening.dimse.event_reports import EventReports
from screening.dimse.messages import ReceivedObject, Refusal, RefusedRequest
from screening.dimse.rejections import REJECTION_OF, Refused
from screening.domain.shown_values import shown_uid

NEGOTIATION_TIMEOUT_S = 60
"""For our own threads to hand over a request that is read; dozens at once can take over 10 s."""
ABORT_TIMEOUT_S = 1.0
ABORT_SENT = frozenset({"Sta1", "Sta13"})
"""States behind an A-ABORT of ours. Source: PS3.8 table 9-10, action AA-1."""
MOST_SOP_CLASSES_SHOWN = 5


class Admission(Protocol):
    """Accepts or rejects association requests, and counts the associations that it accepted."""

    def enter(self, key: object, *, calling_ae_title: str, called_ae_title: str) -> Refused | None:
        """Accept an association under `key`, or return why not."""

    def leave(self, key: object) -> None:
        """Free the place of an association; without one, do nothing."""


class NoteRefusal(Protocol):
    """Logs what a peer did wrong; `reason` contains no value that the peer sent."""

    def __call__(self, event: str, *, peer_address: str, reason: str, **fields: object) -> None:
        """Log it, or only count it where there are too many."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What applies to every association."""

    admission: Admission
    judge: Judge
    """Decides for each command set whether it is served."""
    open_object: OpenObject
    """Opens a file for the data set of a C-STORE."""
    store: Callable[["GuardedAssociation", ReceivedObject], Refusal | None]
    """Takes an object; returns why it is refused, None where it is answered with Success."""
    cut_short: Refusal
    """How a request is answered whose data set does not come to its end."""
    max_object_bytes: int
    """Of a C-STORE."""
    refused: Callable[["GuardedAssociation", RefusedRequest], None]
    """Called for each request that is answered with a failure without being served."""
    at_end: Callable[["GuardedAssociation"], None]
    """Called once, in the association's thread, however the association ends."""
    note_refusal: NoteRefusal


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an association ended otherwise than by its release: the log line's event and reason."""

    event: str
    reason: str


class GuardedAssociation(Association):  # type: ignore[misc]  # pynetdicom has no types
    """An association as acceptor: whatever the peer does, it ends and releases what it holds."""

    def __init__(self, ae: AE, terms: Terms, unusable_contexts: Collection[str] = ()) -> None:
        """unusable_contexts: why presentation contexts of its request cannot be negotiated."""
        super().__init__(ae, MODE_ACCEPTOR)
        self.refused: Refused | None = None
        self.event_reports = EventReports(self)
        self.admission = terms.admission
        self._terms = terms
        self._unusable_contexts = unusable_contexts
        self._ending: Ending | None = None
        self._is_told = False
        self.acse = _GuardedACSE(self)
        self.dul = AcceptorDUL(self)
        self.dimse = AcceptorDIMSE(
            self, terms.judge, terms.open_object, terms.cut_short, terms.max_object_bytes
        )
        self.acse_timeout = NEGOTIATION_TIMEOUT_S  # these two are kept in the replaced DUL provider
        self.network_timeout = ae.network_timeout

    @property
    def ending(self) -> Ending | None:
        """Why it ended; None where it was released, or where the log already says why."""
        if self._is_told or self.refused is not None:
            return None
        if self._ending is not None or self.is_released:
            return self._ending
        return Ending("association_ended_early", "no release")

    def ends_for(self, event: str, reason: str) -> None:
        """Record why it ends; the first reason counts, since the others follow from it."""
        self._ending = self._ending or Ending(event, reason)

    def note(self, event: str, reason: str, **fields: object) -> None:
        """Log what the peer did wrong; `reason` contains no value that the peer sent."""
        asked = self.requestor.primitive
        title = str(asked.calling_ae_title).strip() if asked is not None else ""
        self._terms.note_refusal(
            event,
            peer_address=str(self.requestor.address),
            reason=reason,
            calling_ae_title=title,
            **fields,
        )

    def run_reactor(self) -> None:
        """Serve the association to its end."""
        try:
            super().run_reactor()
        finally:
            self.dul.kill_dul()
            self.dul.socket._shutdown_socket()  # noqa: SLF001  its own close makes an event of it
            self._discard_files()
            self.event_reports.close()
            self.admission.leave(self)
            self._terms.at_end(self)

    def _let_abort_out(self) -> None:
        """Wait until our A-ABORT is sent: the reactor closes the connection when it ends."""
        deadline = time.monotonic() + ABORT_TIMEOUT_S
        while (
            self._sent_abort
            and self.dul.is_alive()
            and threading.current_thread() is not self.dul
            and self.dul.state_machine.current_state not in ABORT_SENT
            and time.monotonic() < deadline
        ):
            time.sleep(0.01)

    def kill(self) -> None:
        """End the association's reactor, and free its place."""
        self._let_abort_out()
        self.admission.leave(self)
        super().kill()

    def note_contexts(self) -> None:
        """Log the refused presentation contexts that keep objects out."""
        for reason in self._unusable_contexts:
            self.note("presentation_context_refused", reason)
        accepted = {context.abstract_syntax for context in self.accepted_contexts}
        supported = {context.abstract_syntax for context in self.acceptor.supported_contexts}
        refused = {context.abstract_syntax for context in self.rejected_contexts} - accepted
        shown = [shown_uid(str(uid)) for uid in sorted(refused)[:MOST_SOP_CLASSES_SHOWN]]
        if not accepted:
            self._is_told = True
            self.note(
                "association_without_contexts",
                "none of the proposed presentation contexts is accepted",
                sop_classes=shown,
            )
        elif refused & supported:
            known = [shown_uid(str(uid)) for uid in sorted(refused & supported)]
            self.note(
                "presentation_context_refused",
                "none of the proposed transfer syntaxes is accepted",
                sop_classes=known,
            )

    def _serve_request(self, msg: Any, context_id: int) -> None:
        """Serve a request, refuse it, or take the answer to one of ours."""
        if isinstance(msg, ReceivedObject):
            self._store_all(msg, context_id)
        elif isinstance(msg, RefusedRequest):
            self._terms.refused(self, msg)
            self.dimse.answer(context_id, msg.request.failure(msg.refusal))
        elif isinstance(msg, N_EVENT_REPORT) and msg.MessageIDBeingRespondedTo is not None:
            self.event_reports.answered(msg)
        else:
            super()._serve_request(msg, context_id)
            if self.is_aborted:
                self.ends_for("association_failed", "a request that could not be served")

    def _store_all(self, received: ReceivedObject, context_id: int) -> None:
        """Take an object, and those that follow it: pynetdicom rests between two messages."""
        message: Any = received
        while isinstance(message, ReceivedObject):
            request, refusal = message.request, self._terms.store(self, message)
            response = request.failure(refusal) if refusal else request.success()
            self.dimse.answer(context_id, response)
            if self._kill:
                return
            context_id, message = self.dimse.get_msg(block=False)
        if message is not None:
            self._serve_request(message, context_id)

    def _discard_files(self) -> None:
        for file in self.dimse.files():
            file.discard()


class _GuardedACSE(ACSE):  # type: ignore[misc]  # pynetdicom has no types
    """Asks `Admission` before it negotiates anything."""

    def _negotiate_as_acceptor(self) -> None:
        association: GuardedAssociation = self.assoc
        request = self.requestor.primitive
        association.refused = association.admission.enter(
            association,
            calling_ae_title=str(request.calling_ae_title).strip(),
            called_ae_title=str(request.called_ae_title).strip(),
        )
        if association.refused is None:
            self._negotiate(association)
            return
        self.requestor.ae_title = request.calling_ae_title
        rejection = REJECTION_OF[association.refused]
        self.send_reject(rejection.result, rejection.source, rejection.diagnostic)
        evt.trigger(association, evt.EVT_REJECTED, {})
        association.kill()

    def _negotiate(self, association: GuardedAssociation) -> None:
        """Negotiate; abort on a request that cannot be used."""
        try:
            super()._negotiate_as_acceptor()
            association.note_contexts()
        except Exception as error:  # noqa: BLE001  what the plain form of a request left in it
            reason = f"an association request that cannot be used ({type(error).__name__})"
            association.dul.refuse(reason)
            association.kill()

    def send_release(self, is_response: bool = False) -> None:  # noqa: FBT001, FBT002  theirs
        """Answer a release, after freeing the place: the peer may ask for it at once."""
        self.assoc.admission.leave(self.assoc)
        super().send_release(is_response)
