"""What can be wrong with a request of a program, as problem details. Source: RFC 9457.

A problem's `type` is the address at which the interface says what it means; it never changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from starlette.responses import JSONResponse, Response

API_PATH = "/api/v1"
PROBLEMS_PATH = f"{API_PATH}/problems"
MEDIA_TYPE = "application/problem+json"


class Problem(StrEnum):
    """The name of a problem: the last part of its type."""

    WRONG_CURSOR = "wrong-cursor"
    WRONG_SELECTION = "wrong-selection"
    WRONG_OPINION = "wrong-opinion"
    NOT_AUTHENTICATED = "not-authenticated"
    NOT_ALLOWED = "not-allowed"
    NOT_REACHABLE = "not-reachable"
    UNKNOWN_ADDRESS = "unknown-address"
    UNKNOWN_STUDY = "unknown-study"
    UNKNOWN_IMAGE = "unknown-image"
    UNKNOWN_PROBLEM = "unknown-problem"
    WRONG_METHOD = "wrong-method"
    REFUSED = "refused"
    IMAGE_REMOVED = "image-removed"
    BODY_TOO_LARGE = "body-too-large"
    WRONG_CONTENT_TYPE = "wrong-content-type"
    WRONG_VALUE = "wrong-value"
    NO_PICTURE = "no-picture"
    TOO_MANY_ATTEMPTS = "too-many-attempts"
    DEFECT = "defect"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a problem is. status: the HTTP status that it comes with."""

    status: int
    title: str
    remedy: str
    """What the program, or whoever runs it, can do about it."""


MEANINGS: Mapping[Problem, Meaning] = {
    Problem.WRONG_CURSOR: Meaning(
        400,
        "No such place in the list",
        "Start at the first page, without a cursor.",
    ),
    Problem.WRONG_SELECTION: Meaning(
        400,
        "No such list",
        "Correct the parameter that the detail names, or search again.",
    ),
    Problem.WRONG_OPINION: Meaning(
        400,
        "Feedback that says nothing",
        "Send an answer, a class, or both.",
    ),
    Problem.NOT_AUTHENTICATED: Meaning(
        401,
        "Not authenticated",
        "Send a valid token: Authorization: Bearer TOKEN.",
    ),
    Problem.NOT_ALLOWED: Meaning(
        403,
        "Not allowed",
        "Use a token of a role that may do this.",
    ),
    Problem.NOT_REACHABLE: Meaning(
        403,
        "Not reachable this way",
        "Use the address that the detail names.",
    ),
    Problem.UNKNOWN_ADDRESS: Meaning(
        404,
        "No such resource",
        "Correct the address; the OpenAPI document lists them.",
    ),
    Problem.UNKNOWN_STUDY: Meaning(
        404,
        "Study not found",
        "Correct the Study Instance UID, or wait until an image of the study is received.",
    ),
    Problem.UNKNOWN_IMAGE: Meaning(
        404,
        "Image not found",
        "Take the digest from the study's images.",
    ),
    Problem.UNKNOWN_PROBLEM: Meaning(
        404,
        "No such problem",
        "Take the address from the type of a problem.",
    ),
    Problem.WRONG_METHOD: Meaning(
        405,
        "Method not allowed",
        "Use a method that the OpenAPI document lists for the address.",
    ),
    Problem.REFUSED: Meaning(
        409,
        "Refused as things stand",
        "Read the study again, and decide again.",
    ),
    Problem.IMAGE_REMOVED: Meaning(
        410,
        "Image removed",
        "Get the image from the archive; this system keeps it no longer.",
    ),
    Problem.BODY_TOO_LARGE: Meaning(
        413,
        "Body too large",
        "Send what the OpenAPI document describes, and nothing else.",
    ),
    Problem.WRONG_CONTENT_TYPE: Meaning(
        415,
        "Not JSON",
        "Send the body as JSON, with Content-Type: application/json.",
    ),
    Problem.WRONG_VALUE: Meaning(
        422,
        "Wrong value",
        "Correct the values that `errors` names.",
    ),
    Problem.NO_PICTURE: Meaning(
        422,
        "No picture can be made",
        "Open the image in another viewer.",
    ),
    Problem.TOO_MANY_ATTEMPTS: Meaning(
        429,
        "Too many attempts",
        "Wait as long as Retry-After says; then send a valid token.",
    ),
    Problem.DEFECT: Meaning(
        500,
        "Defect of this system",
        "Tell the operators of this system: the log says more.",
    ),
    Problem.BUSY: Meaning(
        503,
        "Busy",
        "Try again in a few seconds.",
    ),
    Problem.UNAVAILABLE: Meaning(
        503,
        "Database unavailable",
        "Read without this list until it is back, and tell the operators of this system.",
    ),
}


class ProblemError(Exception):
    """A request has a problem; the text is its detail, and holds nothing that was sent."""

    def __init__(self, problem: Problem, text: str) -> None:
        super().__init__(text)
        self.problem = problem


def type_of(problem: Problem) -> str:
    """Return the type of a problem, an address relative to the server's root."""
    return f"{PROBLEMS_PATH}/{problem}"


def problem_response(
    problem: Problem,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> Response:
    """Return a response that says what is wrong and what to do about it.

    detail: what was expected and what was found. more: further members.
    """
    meaning = MEANINGS[problem]
    body = {
        "type": type_of(problem),
        "title": meaning.title,
        "status": meaning.status,
        "detail": detail,
        "remedy": meaning.remedy,
        **more,
    }
    return JSONResponse(body, meaning.status, headers, media_type=MEDIA_TYPE)
