"""Refusals: a page for people, JSON for programs, depending on the path."""

from collections.abc import Mapping

from starlette.responses import HTMLResponse, JSONResponse, Response

from screening.worklist.pages import Pages

_FOR_PROGRAMS = ("/api/", "/healthz", "/metrics", "/board", "/list/board", "/pictures/", "/changes")


def is_for_programs(path: str) -> bool:
    """Return whether a program and not a person reads this path."""
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
    """Return a response that says what is wrong and what to do."""
    if is_for_programs(path):
        return JSONResponse({"status": title.lower(), "advice": text}, status, headers)
    return HTMLResponse(pages.notice(title, text), status, headers)
