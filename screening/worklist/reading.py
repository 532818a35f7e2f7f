"""What readers do on the page: claim a study, mark it read, say what they found, put it back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.domain.reading import Actor, Label, Opinion
from screening.domain.shown_values import is_uid
from screening.errors import DecisionRefusedError
from screening.logs import get_logger
from screening.worklist.access.access import visitor_of
from screening.worklist.access.forms import RefusedFormError, read_form
from screening.worklist.pages import Pages
from screening.worklist.studies.read_studies import read_finished

READ_PATH = "/read"
LONGEST_NUMBER = 9
ANSWERS: Mapping[str, bool] = {"agree": True, "disagree": False}
"""What a reader answers to the system's finding."""
log = get_logger()


class MarksRead(Protocol):
    """Takes a study off the list."""

    def __call__(
        self,
        study_instance_uid: str,
        actor: Actor,
        /,
        *,
        images_seen: int,
        opinion: Opinion | None,
    ) -> None:
        """Mark a study read, with what its reader found, if they say so."""


@dataclass(frozen=True, slots=True)
class ReaderActions:
    """What readers do, as functions: stations do not import `screening.ops`.

    Each takes a Study Instance UID and who acts. All raise DecisionRefusedError where somebody was
    faster, or it cannot be done as things stand, and DatabaseUnavailableError.
    """

    claim: Callable[[str, Actor], object]
    release: Callable[[str, Actor], object]
    mark_read: MarksRead
    put_back: Callable[[str, Actor], object]
    give_feedback: Callable[[str, Actor, Opinion], object]


def add_reading(app: FastAPI, pages: Pages, database: Database, actions: ReaderActions) -> None:
    """Add the list of read studies, and the paths of readers' forms; the gate says who may."""

    @app.get(READ_PATH, response_class=HTMLResponse)
    def read_studies_page(request: Request, before: str = "") -> str:
        page = read_finished(database, before=before or None)
        return pages.read_studies(page, utc_now(), visitor_of(request))

    for word, told, act in (
        ("claim", "study_claimed", actions.claim),
        ("release", "claim_released", actions.release),
        ("put-back", "reading_taken_back", actions.put_back),
    ):
        _add_form(app, word, told, act)

    @app.post("/studies/{study_instance_uid}/read")
    async def read(request: Request, study_instance_uid: str) -> Response:
        fields = await _fields(request)
        seen, opinion = _images_seen(fields), _opinion(fields)

        def mark(study: str, actor: Actor) -> None:
            actions.mark_read(study, actor, images_seen=seen, opinion=opinion)

        await _act(request, study_instance_uid, "study_read", mark)
        return _back(fields, study_instance_uid)

    @app.post("/studies/{study_instance_uid}/feedback")
    async def feedback(request: Request, study_instance_uid: str) -> Response:
        fields = await _fields(request)
        opinion = _opinion(fields)
        if opinion is None:
            raise RefusedFormError(400, "Choose whether you agree, or the class that you find.")

        def give(study: str, actor: Actor) -> None:
            actions.give_feedback(study, actor, opinion)

        await _act(request, study_instance_uid, "feedback_given", give)
        return _back(fields, study_instance_uid)


def _add_form(app: FastAPI, word: str, told: str, act: Callable[[str, Actor], object]) -> None:
    """Add the path of a form that says nothing but what to do."""

    @app.post(f"/studies/{{study_instance_uid}}/{word}")
    async def form(request: Request, study_instance_uid: str) -> Response:
        fields = await _fields(request)
        await _act(request, study_instance_uid, told, act)
        return _back(fields, study_instance_uid)


async def _fields(request: Request) -> Mapping[str, str]:
    return await read_form(request, visitor_of(request).form_token)


async def _act(
    request: Request, study: str, told: str, act: Callable[[str, Actor], object]
) -> None:
    """Do what a form asks for, and log who asked."""
    if not is_uid(study):  # it may name a patient, and addresses end up in logs
        raise RefusedFormError(404, "No study with this UID has been received.")
    visitor = visitor_of(request)
    actor = Actor(visitor.name, may_end_others=visitor.is_operator)
    try:
        await run_in_threadpool(act, study, actor)
    except DecisionRefusedError as error:
        text = str(error)
        raise RefusedFormError(409, f"{text[0].upper()}{text[1:]}.") from None
    log.info(told, user=visitor.name, study_instance_uid=study)


def _back(fields: Mapping[str, str], study: str) -> Response:
    """Return to the list where the form asks for that, else to the study."""
    return RedirectResponse("/" if fields.get("back") == "list" else f"/studies/{study}", 303)


def _images_seen(fields: Mapping[str, str]) -> int:
    number = fields.get("images", "")
    if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER):
        raise RefusedFormError(400, "Expected how many images were shown. Reload the page.")
    return int(number)


def _opinion(fields: Mapping[str, str]) -> Opinion | None:
    """Return what a form says of the finding; None where it says nothing."""
    answer, label = fields.get("answer", ""), fields.get("label", "")
    if answer not in {"", *ANSWERS} or label not in {"", *Label}:
        raise RefusedFormError(400, "Expected an answer and a class of the page. Reload the page.")
    if not answer and not label:
        return None
    return Opinion(agrees=ANSWERS.get(answer), label=Label(label) if label else None)
