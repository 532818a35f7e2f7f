"""The list of studies that a reader selects, and the form that searches."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.domain.reading_order import overdue_until
from screening.worklist.access.access import visitor_of
from screening.worklist.access.forms import read_form
from screening.worklist.answers import refusal
from screening.worklist.gate import SEARCH_PATH
from screening.worklist.pages import Pages, SelectionBoard
from screening.worklist.recent_boards import RecentBoards, is_known
from screening.worklist.studies.criteria import Selection, SelectionError, parse_selection
from screening.worklist.studies.query import Moment, read_selection
from screening.worklist.studies.searches import Searches

LIST_PATH = "/list"


@dataclass(frozen=True, slots=True)
class _Place:
    """A page of a selection."""

    selection: Selection
    after: str
    before: str


def add_selected_studies(
    app: FastAPI,
    pages: Pages,
    database: Database,
    *,
    zone: ZoneInfo | None,
    cap: timedelta | None,
    warnings: Callable[[Iterable[str]], Sequence[str]],
) -> Callable[[], None]:
    """Add the list and the search; return what to call when studies have changed.

    zone: in which days begin; None: the machine's. cap: the longest wait of a study.
    warnings: what readers are told of the images of some calling AE titles.
    """
    searches = Searches()

    def read(place: _Place) -> SelectionBoard:
        text = searches.text_of(place.selection.search)
        now = utc_now()
        page = read_selection(
            database,
            place.selection,
            text,
            Moment(now, zone, overdue_until(now, cap)),
            after=place.after,
            before=place.before,
        )
        return SelectionBoard(
            selection=place.selection,
            text=text,
            page=page,
            is_first=not place.after and not place.before,
            untrained=any(entry.untrained for entry in page.entries),
            drift_warnings=warnings(entry.calling_ae_title for entry in page.entries),
            at=now,
        )

    recent_boards = RecentBoards(read, pages.selected)

    @app.get(LIST_PATH, response_class=HTMLResponse)
    def list_page(request: Request) -> str:
        return pages.selection(read(_place(request)), visitor_of(request))

    @app.get(f"{LIST_PATH}/board", response_class=HTMLResponse)
    def list_board(request: Request) -> Response:
        board = recent_boards(_place(request))
        headers = {"ETag": board.tag}
        if is_known(board.tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return HTMLResponse(board.html, headers=headers)

    @app.post(SEARCH_PATH)
    async def search(request: Request) -> Response:
        fields = await read_form(request, visitor_of(request).form_token)
        selection = parse_selection(dict(parse_qsl(fields.get("selection", ""))))
        text = fields.get("text", "").strip()
        name = searches.begin(text) if text else ""
        return RedirectResponse(f"{LIST_PATH}?{selection.address(search=name)}", 303)

    @app.exception_handler(SelectionError)
    def no_such_selection(request: Request, error: SelectionError) -> Response:
        text = f"{str(error)[0].upper()}{str(error)[1:]}."
        return refusal(pages, request.url.path, status=400, title="No such list", text=text)

    return recent_boards.expire


def _place(request: Request) -> _Place:
    given = request.query_params
    return _Place(parse_selection(given), given.get("after", ""), given.get("before", ""))
