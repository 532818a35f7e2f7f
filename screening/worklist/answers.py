"""Refusals: a page for people, problem details or JSON for programs, depending on the path."""

from collections.abc import Mapping

from starlette.responses import HTMLResponse, JSONResponse, Response

from screening.errors import DatabaseUnavailableError
from screening.logs import get_logger
from screening.worklist.api.problems import API_PATH, MEANINGS, Problem, problem_response
from screening.worklist.pages import Pages

UNAVAILABLE = (
    "The database does not answer, so the worklist cannot be shown. Images sent meanwhile are "
    "refused with a status that makes the sender try again. Read without this list until it is "
    "back, and tell the operators of this system."
)
log = get_logger()
_FOR_PROGRAMS = ("/api/", "/healthz", "/metrics", "/board", "/list/board", "/pictures/", "/changes")


def is_for_programs(path: str) -> bool:
    """Return whether a program and not a person reads this path."""
    return path.startswith(_FOR_PROGRAMS)


def is_of_interface(path: str) -> bool:
    """Return whether a path is one of the REST interface."""
    return path.startswith(f"{API_PATH}/")


def refusal(
    pages: Pages,
    path: str,
    problem: Problem,
    text: str,
    *,
    title: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response that says what is wrong and what to do.

    title: of the page, where people are told in other words than programs.
    """
    meaning = MEANINGS[problem]
    if is_of_interface(path):
        return problem_response(problem, text, headers)
    if is_for_programs(path):
        return JSONResponse(
            {"status": meaning.title.lower(), "advice": text}, meaning.status, headers
        )
    return HTMLResponse(pages.notice(title or meaning.title, text), meaning.status, headers)


def unavailable(pages: Pages, path: str, error: DatabaseUnavailableError) -> Response:
    """Return the response of a page whose database is away."""
    log.warning("worklist_unavailable", reason=str(error))
    title = "The worklist is not available"
    return refusal(pages, path, Problem.UNAVAILABLE, UNAVAILABLE, title=title)
