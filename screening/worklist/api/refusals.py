"""How each way to fail ends: as problem details, in answers and in the OpenAPI document."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from screening.errors import DatabaseUnavailableError, DecisionRefusedError
from screening.logs import get_logger
from screening.worklist.api.problems import (
    MEANINGS,
    MEDIA_TYPE,
    Problem,
    ProblemError,
    problem_response,
)
from screening.worklist.studies.criteria import SelectionError
from screening.worklist.studies.position import CursorError

ALWAYS = (
    Problem.NOT_AUTHENTICATED,
    Problem.NOT_ALLOWED,
    Problem.WRONG_VALUE,
    Problem.TOO_MANY_ATTEMPTS,
    Problem.DEFECT,
    Problem.UNAVAILABLE,
)
"""Problems that every request may have."""
OF_BODIES = (Problem.BODY_TOO_LARGE, Problem.WRONG_CONTENT_TYPE)
"""Problems of requests that send something."""
OF_STATUS = {
    400: (Problem.WRONG_VALUE, "Expected a body of JSON, found one that cannot be read."),
    404: (Problem.UNKNOWN_ADDRESS, "Expected an address of the OpenAPI document, found another."),
    405: (Problem.WRONG_METHOD, "Expected a method that this address takes, found another."),
}
"""What the framework itself refuses."""
AWAY = (
    "The database does not answer. Images sent meanwhile are refused with a status that makes "
    "the sender try again. Try again in a few seconds."
)
DEFECT = "Expected an answer, found a defect of this system."
UNKNOWN_MEMBER = "a name that is none of ours"
log = get_logger()


class WrongValue(BaseModel):
    """One value that was refused."""

    where: Annotated[str, Field(description="In query, path or body, and its name.")]
    expected: str


class ProblemDetails(BaseModel):
    """What is wrong (RFC 9457)."""

    type: Annotated[str, Field(description="Says which problem; never changes.")]
    title: str
    status: int
    detail: Annotated[str, Field(description="What was expected, and what was found.")]
    remedy: Annotated[str, Field(description="What to do about it.")]
    errors: Annotated[list[WrongValue] | None, Field(description="Of wrong-value alone.")] = None


def refused_by(*problems: Problem) -> dict[int | str, dict[str, Any]]:
    """Return the responses of these problems, beside those of ALWAYS, for an operation."""
    by_status: dict[int | str, list[Problem]] = {}
    for problem in (*ALWAYS, *problems):
        by_status.setdefault(MEANINGS[problem].status, []).append(problem)
    return {
        status: {
            "description": "; ".join(f"`{p}`: {MEANINGS[p].title}" for p in found),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status, found in by_status.items()
    }


def add_refusals(app: FastAPI) -> None:
    """Have every error end as problem details, without anything that was sent."""
    known: Mapping[type[Exception], Problem] = {
        CursorError: Problem.WRONG_CURSOR,
        SelectionError: Problem.WRONG_SELECTION,
        DecisionRefusedError: Problem.REFUSED,
    }
    for error, problem in known.items():
        app.add_exception_handler(error, _as(problem))

    @app.exception_handler(ProblemError)
    def has_problem(_request: Request, error: ProblemError) -> Response:
        return problem_response(error.problem, str(error))

    @app.exception_handler(DatabaseUnavailableError)
    def database_away(_request: Request, error: DatabaseUnavailableError) -> Response:
        log.warning("worklist_unavailable", reason=str(error))
        return problem_response(Problem.UNAVAILABLE, AWAY, {"Retry-After": "5"})

    @app.exception_handler(RequestValidationError)
    def wrong_value(_request: Request, error: RequestValidationError) -> Response:
        wrong = [_wrong(one) for one in error.errors()]
        names = ", ".join(one["where"] for one in wrong)
        text = f"Expected other values, found wrong ones: {names}."
        return problem_response(Problem.WRONG_VALUE, text, errors=wrong)

    @app.exception_handler(HTTPException)
    def refused_by_the_router(_request: Request, error: HTTPException) -> Response:
        problem, text = OF_STATUS.get(error.status_code, (Problem.DEFECT, DEFECT))
        return problem_response(problem, text, error.headers)

    @app.exception_handler(Exception)
    def defect(_request: Request, _error: Exception) -> Response:
        return problem_response(Problem.DEFECT, DEFECT)


def _as(problem: Problem) -> Any:
    def answer(_request: Request, error: Exception) -> Response:
        text = str(error)
        return problem_response(problem, f"{text[0].upper()}{text[1:]}.")

    return answer


def _wrong(error: Mapping[str, Any]) -> dict[str, str]:
    """Return where a value is wrong and what was expected; names of others' members are theirs."""
    place: Sequence[object] = error["loc"]
    if error["type"] == "extra_forbidden":
        return {"where": f"{place[0]}: {UNKNOWN_MEMBER}", "expected": "nothing of this name"}
    if error["type"] == "json_invalid":
        return {"where": str(place[0]), "expected": "JSON"}
    return {"where": ".".join(str(part) for part in place), "expected": str(error["msg"])}
