"""The STOW-RS service: which request is what, and its answer.

Sources: DICOM PS3.18 sections 8 and 10.5, RFC 9110.
"""

import asyncio
import re
import uuid
from dataclasses import replace

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from screening.db.clock import utc_now
from screening.receive.objects.intake import Intake, Peer
from screening.receive.refusal_log import RefusalLog
from screening.receive.sessions import Session
from screening.receive.stow_rs.admission import Admission
from screening.receive.stow_rs.answers import Answer, problem, stored_answer
from screening.receive.stow_rs.part import Received
from screening.receive.stow_rs.payload import PayloadError
from screening.receive.stow_rs.transaction import Piece, Store, Transaction

HEALTH_PATH = "/healthz"
CALLED_AE_TITLE = "STOW-RS"
"""In the rows of requests among those of associations: HTTP calls no AE title."""
_STUDIES = re.compile(r"/studies(?:/([^/]+))?/?")


class StowService:
    """ASGI application: `POST /studies`, `POST /studies/{study}`, and health."""

    def __init__(
        self, admission: Admission, received: Received, store: Store, intake: Intake
    ) -> None:
        self._admission = admission
        self._received = received
        self._store = store
        self._intake = intake
        self._refusals = RefusalLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; one whose sender is gone needs no answer."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            return
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        response = Response(
            answer.body, answer.status, {**headers, **answer.headers}, answer.media_type
        )
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        if request.url.path == HEALTH_PATH:
            return Answer(200, b'{"status": "ok"}', "application/json")
        path = _STUDIES.fullmatch(request.url.path)
        if path is None:
            return problem(404, "expected /studies or /studies/{study}, found another path")
        if request.method != "POST":
            return problem(
                405, "expected POST: objects are stored here, not read", {"Allow": "POST"}
            )
        study = path[1] or ""
        entered = self._admission.enter(request, study)
        if isinstance(entered, Answer):
            self._note(request, entered.text)
            return entered
        try:
            return await self._stored(request, entered, study)
        finally:
            self._admission.leave()

    async def _stored(self, request: Request, calling_ae_title: str, study: str) -> Answer:
        session = Session(
            Peer(
                association_id=str(uuid.uuid4()),
                calling_ae_title=calling_ae_title,
                called_ae_title=CALLED_AE_TITLE,
                address=_address(request),
                opened_at=utc_now(),
            )
        )
        received = replace(self._received, study_instance_uid=study)
        transaction = Transaction(self._store, received, session.peer)
        reason = "the connection was lost"
        try:
            await transaction.run(request.headers.get("content-type", ""), _Body(request).read)
            session.outcome = "released"
            reason = transaction.ended_early.text if transaction.ended_early else ""
        except PayloadError as error:
            self._note(request, str(error))
            return problem(error.status, str(error))
        finally:
            self._record_end(session, transaction, reason)
        return _answer_of(transaction)

    def _record_end(self, session: Session, transaction: Transaction, reason: str) -> None:
        """Record it beside the answer, which does not wait for that."""
        for one in transaction.instances:
            session.count(one.outcome)
        if session.counts:
            asyncio.get_running_loop().run_in_executor(
                self._store.threads, session.record_end, self._intake, reason
            )

    def _note(self, request: Request, text: str) -> None:
        self._refusals.note("stow_request_refused", peer_address=_address(request), reason=text)


def _answer_of(transaction: Transaction) -> Answer:
    early, instances = transaction.ended_early, transaction.instances
    if instances:
        return stored_answer(instances, early.http_status if early else None)
    if early is not None:
        return problem(early.http_status, early.text, is_over=True)
    return problem(400, "expected at least one DICOM object in the payload, found none")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


class _Body:
    """The body of a request, piece by piece."""

    def __init__(self, request: Request) -> None:
        self._stream = request.stream()

    async def read(self) -> Piece:
        """Wait for more of it. Raises ClientDisconnect where the sender is gone."""
        try:
            return await anext(self._stream), True
        except StopAsyncIteration:
            return b"", False
