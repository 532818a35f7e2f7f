"""What programs do for readers: claim a study, release it, mark it read, put it back, feedback.

The rules are those of the page (`screening.ops.reading`): of two who claim at once one has it.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from screening.db.clock import utc_now
from screening.domain.reading import Actor, Label, Opinion
from screening.domain.roles import Right
from screening.logs import get_logger
from screening.worklist.access.access import visitor_of
from screening.worklist.api.problems import Problem, ProblemError
from screening.worklist.api.refusals import OF_BODIES, refused_by
from screening.worklist.api.studies import known_entry
from screening.worklist.api.study_models import StudySummary, summary_values
from screening.worklist.reading import ANSWERS, ReaderActions
from screening.worklist.source import Source

MOST_IMAGES = 10**9
log = get_logger()


class Feedback(BaseModel):
    """What a reader finds, as the answer to the system's finding, or a class, or both."""

    model_config = ConfigDict(extra="forbid")

    answer: Literal["agree", "disagree"] | None = None
    label: Annotated[
        Label | None,
        Field(description="The class that the reader finds; needed of who disagrees."),
    ] = None

    @property
    def opinion(self) -> Opinion:
        """What it says. Raises ProblemError where that is nothing."""
        if self.answer is None and self.label is None:
            text = "Expected whether the reader agrees, or the class that they find, found neither."
            raise ProblemError(Problem.WRONG_OPINION, text)
        return Opinion(agrees=ANSWERS[self.answer] if self.answer else None, label=self.label)


class MarkRead(BaseModel):
    """That a study is read."""

    model_config = ConfigDict(extra="forbid")

    images_seen: Annotated[
        int,
        Field(
            ge=0,
            lt=MOST_IMAGES,
            strict=True,
            description="How many images the reader was shown; refused where there are others.",
        ),
    ]
    feedback: Feedback | None = None


def reading_router(source: Source, actions: ReaderActions) -> APIRouter:
    """Return the operations that change how a study is read."""
    router = APIRouter(tags=["reading"])
    refusals = (Problem.UNKNOWN_STUDY, Problem.REFUSED)
    shared: dict[str, Any] = {"response_model": StudySummary, "responses": refused_by(*refusals)}
    with_opinion = {**shared, "responses": refused_by(*refusals, *OF_BODIES, Problem.WRONG_OPINION)}

    def act(request: Request, study: str, told: str, do: Callable[[str, Actor], object]) -> Any:
        """Do something for the program that asks, and return the study as it is then."""
        known_entry(source, study)
        visitor = visitor_of(request)
        do(study, Actor(visitor.name, may_end_others=visitor.is_operator))
        log.info(told, user=visitor.name, study_instance_uid=study)
        patients = visitor.may(Right.SEE_PATIENTS)
        return summary_values(known_entry(source, study), utc_now(), patients=patients)

    @router.put(
        "/studies/{study_instance_uid}/claim",
        operation_id="claimStudy",
        summary="Claim a study.",
        **shared,
    )
    def claim(request: Request, study_instance_uid: str) -> Any:
        """Show others that it is taken. To have claimed it already is no error."""
        return act(request, study_instance_uid, "study_claimed", actions.claim)

    @router.delete(
        "/studies/{study_instance_uid}/claim",
        operation_id="releaseClaim",
        summary="Release a claim.",
        **shared,
    )
    def release(request: Request, study_instance_uid: str) -> Any:
        """Give up one's own claim; operators end any."""
        return act(request, study_instance_uid, "claim_released", actions.release)

    @router.put(
        "/studies/{study_instance_uid}/reading",
        operation_id="markRead",
        summary="Mark a study read.",
        **with_opinion,
    )
    def mark_read(request: Request, study_instance_uid: str, reading: MarkRead) -> Any:
        """Take a study off the list; feedback may come with it."""
        opinion = reading.feedback.opinion if reading.feedback else None

        def mark(study: str, actor: Actor) -> None:
            actions.mark_read(study, actor, images_seen=reading.images_seen, opinion=opinion)

        return act(request, study_instance_uid, "study_read", mark)

    @router.delete(
        "/studies/{study_instance_uid}/reading",
        operation_id="putBack",
        summary="Put a study back on the list.",
        **shared,
    )
    def put_back(request: Request, study_instance_uid: str) -> Any:
        """Undo that a study was marked read; its feedback stands."""
        return act(request, study_instance_uid, "reading_taken_back", actions.put_back)

    @router.post(
        "/studies/{study_instance_uid}/feedback",
        operation_id="giveFeedback",
        summary="Say what a reader found in a study that is read.",
        **with_opinion,
    )
    def feedback(request: Request, study_instance_uid: str, feedback: Feedback) -> Any:
        """Record what a reader found; of several the newest counts."""
        opinion = feedback.opinion

        def give(study: str, actor: Actor) -> None:
            actions.give_feedback(study, actor, opinion)

        return act(request, study_instance_uid, "feedback_given", give)

    return router
