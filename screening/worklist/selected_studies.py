"""The list of studies that a reader selects, and the form that searches."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from screening.db.clock import utc_now
from screening.worklist.access.access import visitor_of
from screening.worklist.access.forms import read_form
from screening.worklist.answers import refusal
from screening.worklist.api.entity_tags import is_known
from screening.worklist.api.problems import Problem
from screening.worklist.gate import SEARCH_PATH
from screening.worklist.pages import Pages, SelectionBoard
from screening.worklist.recent_boards import RecentBoards
from screening.worklist.source import Source
from screening.worklist.studies.criteria import Selection, SelectionError, parse_selection
from screening.worklist.studies.places import Place
from screening.worklist.studies.position import STUDIES_ON_PAGE

LIST_PATH = "/list"


@dataclass(frozen=True, slots=True)
class _Shown:
    """A page of a selection."""

    selection: Selection
    place: Place


def add_selected_studies(app: FastAPI, pages: Pages, source: Source) -> Callable[[], None]:
    """Add the list and the search; return what to call when studies have changed."""

    def read(shown: _Shown) -> SelectionBoard:
        now = utc_now()
        page = source.selected(shown.selection, shown.place, now, STUDIES_ON_PAGE)
        return SelectionBoard(
            selection=shown.selection,
            text=source.searches.text_of(shown.selection.search),
            page=page,
            is_first=shown.place.is_first,
            untrained=any(entry.untrained for entry in page.entries),
            drift_warnings=source.warnings(entry.calling_ae_title for entry in page.entries),
            at=now,
        )

    recent_boards = RecentBoards(read, pages.selected)

    @app.get(LIST_PATH, response_class=HTMLResponse)
    def list_page(request: Request) -> str:
        return pages.selection(read(_shown(request)), visitor_of(request))

    @app.get(f"{LIST_PATH}/board", response_class=HTMLResponse)
    def list_board(request: Request) -> Response:
        board = recent_boards(_shown(request))
        headers = {"ETag": board.tag}
        if is_known(board.tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return HTMLResponse(board.html, headers=headers)

    @app.post(SEARCH_PATH)
    async def search(request: Request) -> Response:
        fields = await read_form(request, visitor_of(request).form_token)
        selection = parse_selection(dict(parse_qsl(fields.get("selection", ""))))
        text = fields.get("text", "").strip()
        name = source.searches.begin(text) if text else ""
        return RedirectResponse(f"{LIST_PATH}?{selection.address(search=name)}", 303)

    @app.exception_handler(SelectionError)
    def no_such_selection(request: Request, error: SelectionError) -> Response:
        text = f"{str(error)[0].upper()}{str(error)[1:]}."
        return refusal(pages, request.url.path, Problem.WRONG_SELECTION, text)

    return recent_boards.expire


def _shown(request: Request) -> _Shown:
    given = request.query_params
    place = Place(given.get("after", ""), given.get("before", ""))
    return _Shown(parse_selection(given), place)
