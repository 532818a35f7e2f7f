"""Station 4: the worklist page, its JSON, health and metrics."""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from screening.db.breakers import failing_destinations
from screening.db.bundle_rows import ActiveBundle, active_bundle
from screening.db.calibrations import calibration_state
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.drift.of_senders import RecentDrift, SenderDrift, read_drift
from screening.errors import DatabaseUnavailableError
from screening.logs import get_logger
from screening.settings import Settings
from screening.worklist.access.access import visitor_of
from screening.worklist.access.exposure import Exposure
from screening.worklist.access.forms import FormTokens, RefusedFormError
from screening.worklist.access.identification import ByPassword, identification_of
from screening.worklist.access.security import SecurityHeaders
from screening.worklist.answers import is_for_programs, refusal
from screening.worklist.drift import drift_warnings
from screening.worklist.figures.metrics import metrics_text
from screening.worklist.figures.pending import RecentAge, oldest_pending_age_s
from screening.worklist.figures.reading_figures import reading_figures
from screening.worklist.figures.totals import Totals
from screening.worklist.gate import Gate
from screening.worklist.live import add_changes
from screening.worklist.login import add_login
from screening.worklist.model import read_model
from screening.worklist.operations import OperatorActions, add_operations
from screening.worklist.pages import Board, Pages, receiver_of
from screening.worklist.pictures.pictures import Pictures
from screening.worklist.pictures.routes import add_pictures
from screening.worklist.reach import HEALTH_PATH, Reach
from screening.worklist.reading import ReaderActions, add_reading
from screening.worklist.recent_boards import RecentBoards, is_known
from screening.worklist.selected_studies import add_selected_studies
from screening.worklist.studies.counts import count_by_priority
from screening.worklist.studies.ordering import (
    WorklistEntry,
    WorklistPage,
    read_worklist,
)
from screening.worklist.studies.places import Place
from screening.worklist.studies.position import MOST_ON_A_PAGE, STUDIES_ON_PAGE, CursorError
from screening.worklist.study_page import add_study

MODEL_PATH = "/model"
DIGEST = re.compile(r"[0-9a-f]{64}")
STATIC = Path(__file__).parent / "static"
UNAVAILABLE = (
    "The database does not answer, so the worklist cannot be shown. Images sent meanwhile are "
    "refused with a status that makes the sender try again. Read without this list until it is "
    "back, and tell the operators of this system."
)
RESEARCH_USE = "Research use only, not diagnostic. A low probability does not exclude disease."
ReadLedger = Callable[[], Totals]
ReadDrift = Callable[[], Sequence[SenderDrift]]
log = get_logger()


@dataclass(frozen=True, slots=True)
class _Read:
    """What the pages are made of: the database, and what is read of it now."""

    database: Database
    ledger: ReadLedger
    drift: ReadDrift
    cap: timedelta | None
    """How long a study may wait before it goes ahead of others."""

    def warnings(self, senders: Iterable[str]) -> tuple[str, ...]:
        """Return what readers are told of the images of these calling AE titles."""
        return drift_warnings(self.drift(), senders)


def make_web_app(
    *,
    database: Database,
    settings: Settings,
    exposure: Exposure,
    read_ledger: ReadLedger,
    actions: OperatorActions,
    pictures: Pictures,
    reader_actions: ReaderActions,
    stopping: threading.Event,
) -> ASGIApp:
    """Build the web application; it reads the database, and writes through actions alone.

    read_ledger: returns the totals now. pictures: of the objects in the spool. stopping: is set
    when the page stops, so that nobody waits for changes any more.
    Raises SettingsError where the password file cannot be used.
    """
    app = FastAPI(title="Screening worklist", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    has_login = settings.web_authentication == "password"
    pages = Pages(receiver_of(settings), has_login=has_login)
    drift = RecentDrift(lambda: read_drift(database, settings))
    _add_failures(app, pages)
    read = _Read(database, read_ledger, drift, settings.waiting_cap)
    expire = (
        _add_worklist(app, pages, read),
        add_selected_studies(
            app,
            pages,
            database,
            zone=ZoneInfo(settings.time_zone) if settings.time_zone else None,
            cap=settings.waiting_cap,
            warnings=read.warnings,
        ),
    )
    add_changes(app, database, expire, stopping)
    add_study(
        app,
        pages,
        database,
        cap=settings.waiting_cap,
        viewer_template=settings.web_viewer_url,
        warnings=read.warnings,
    )
    _add_models(app, pages, database)
    _add_data(app, read)
    add_reading(app, pages, database, reader_actions)
    add_operations(app, pages, database, read_ledger, actions, read_drift=drift)
    add_pictures(app, pages, database, pictures)
    tokens = FormTokens()
    identification = identification_of(settings, tokens, secure=exposure.secure)
    if isinstance(identification, ByPassword):
        add_login(app, pages, identification, tokens, secure=exposure.secure)
    gate = Gate(app, identification=identification, pages=pages)
    behind_proxy = ProxyHeadersMiddleware(gate, list(settings.web_trusted_proxies))
    reach = Reach(behind_proxy, settings=settings, exposure=exposure, pages=pages)
    return SecurityHeaders(reach, secure=exposure.secure)


def _add_worklist(app: FastAPI, pages: Pages, read: _Read) -> Callable[[], None]:
    """Add the list; return what to call when it has changed."""

    def read_board(place: Place) -> Board:
        return _read_board(read, place)

    recent_boards = RecentBoards(read_board, pages.board)

    @app.get("/", response_class=HTMLResponse)
    def worklist_page(request: Request, after: str = "", before: str = "") -> str:
        return pages.worklist(read_board(Place(after, before)), visitor_of(request))

    @app.get("/board", response_class=HTMLResponse)
    def worklist_board(request: Request, after: str = "", before: str = "") -> Response:
        board = recent_boards(Place(after, before))
        headers = {"ETag": board.tag}
        if is_known(board.tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return HTMLResponse(board.html, headers=headers)

    return recent_boards.expire


def _add_models(app: FastAPI, pages: Pages, database: Database) -> None:
    @app.get(MODEL_PATH, response_class=HTMLResponse)
    def active_model_page(request: Request) -> str:
        return pages.model(read_model(database), visitor_of(request))

    @app.get(f"{MODEL_PATH}/{{digest}}", response_class=HTMLResponse)
    def model_page(request: Request, digest: str) -> Response:
        model = read_model(database, digest) if DIGEST.fullmatch(digest) else None
        if model is None:
            text = "No bundle with this digest has been active here."
            return HTMLResponse(pages.notice("Bundle not found", text), 404)
        return HTMLResponse(pages.model(model, visitor_of(request)))


def _add_data(app: FastAPI, read: _Read) -> None:
    database = read.database

    @app.get("/api/worklist")
    def worklist_json(
        limit: Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)] = STUDIES_ON_PAGE,
        after: str = "",
        before: str = "",
    ) -> dict[str, Any]:
        now = utc_now()
        page = _read_page(read, Place(after, before), limit)
        entries = page.entries
        return {
            "at": now.isoformat(),
            "notice": RESEARCH_USE,
            "untrained": _is_untrained(active_bundle(database), entries),
            "ledger": read.ledger().as_dict(),
            "drift_warnings": read.warnings(entry.calling_ae_title for entry in entries),
            "worklist": [
                {**entry.as_dict(), "waiting_s": round(entry.waiting_s(now))} for entry in entries
            ],
            "next_cursor": page.next_cursor,
            "previous_cursor": page.previous_cursor,
        }

    recent_age_s = RecentAge(database)

    @app.get(HEALTH_PATH)
    def health() -> dict[str, Any]:
        return {"status": "ok", "oldest_pending_age_s": recent_age_s()}

    @app.get("/metrics")
    def metrics() -> Response:
        figures = metrics_text(
            read.ledger(),
            oldest_pending_age_s(database, utc_now()),
            failing_destinations(database),
            calibration=calibration_state(database),
            drift=read.drift(),
            reading=reading_figures(database, utc_now()),
        )
        return Response(figures, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _add_failures(app: FastAPI, pages: Pages) -> None:
    @app.exception_handler(DatabaseUnavailableError)
    def unavailable(request: Request, error: DatabaseUnavailableError) -> Response:
        log.warning("worklist_unavailable", reason=str(error))
        path = request.url.path
        title = "Database unavailable" if is_for_programs(path) else "The worklist is not available"
        return refusal(pages, path, status=503, title=title, text=UNAVAILABLE)

    @app.exception_handler(CursorError)
    def no_such_place(request: Request, error: CursorError) -> Response:
        title = "No such place in the list"
        text = f"{str(error)[0].upper()}{str(error)[1:]}."
        return refusal(pages, request.url.path, status=400, title=title, text=text)

    @app.exception_handler(RefusedFormError)
    def refused_form(request: Request, error: RefusedFormError) -> Response:
        log.warning("form_refused", reason=str(error))
        title = "The form was refused"
        return refusal(pages, request.url.path, status=error.status, title=title, text=str(error))


def _read_board(read: _Read, place: Place) -> Board:
    page = _read_page(read, place, STUDIES_ON_PAGE)
    bundle = active_bundle(read.database)
    return Board(
        place=place,
        page=page,
        by_priority=count_by_priority(read.database),
        totals=read.ledger(),
        bundle=bundle,
        untrained=_is_untrained(bundle, page.entries),
        drift_warnings=read.warnings(entry.calling_ae_title for entry in page.entries),
        at=utc_now(),
        calibration=calibration_state(read.database),
    )


def _read_page(read: _Read, place: Place, limit: int) -> WorklistPage:
    if place.after and place.before:
        raise CursorError("expected one cursor, after or before, found both; name one of them")
    after, before = place.after or None, place.before or None
    return read_worklist(read.database, limit=limit, after=after, before=before, cap=read.cap)


def _is_untrained(bundle: ActiveBundle | None, entries: Sequence[WorklistEntry]) -> bool:
    scores_now = bundle is not None and not bundle.trained
    return scores_now or any(entry.untrained for entry in entries)
