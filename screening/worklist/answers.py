"""Answers that refuse: a page for people, JSON for programs, by the address asked for."""

from collections.abc import Mapping

from starlette.responses import HTMLResponse, JSONResponse, Response

from screening.worklist.pages import Pages

_FOR_PROGRAMS = ("/api/", "/healthz", "/metrics", "/board")


def is_for_programs(path: str) -> bool:
    """Return whether a program, and no person, reads what is at this path."""
    return path.startswith(_FOR_PROGRAMS)


def refusal(
    pages: Pages,
    path: str,
    *,
    status: int,
    title: str,
    text: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an answer that says what is wrong and what to do."""
    if is_for_programs(path):
        return JSONResponse({"status": title.lower(), "advice": text}, status, headers)
    return HTMLResponse(pages.notice(title, text), status, headers)
