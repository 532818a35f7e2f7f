"""Station 4: the worklist page, its REST interface, health and metrics."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from screening.db.breakers import failing_destinations
from screening.db.bundle_rows import active_bundle
from screening.db.calibration_state import calibration_state
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.domain.heat_map import HeatMapsWanted
from screening.drift.of_senders import RecentDrift, read_drift
from screening.errors import DatabaseUnavailableError
from screening.logs import get_logger
from screening.settings import Settings
from screening.worklist.access.access import visitor_of
from screening.worklist.access.exposure import Exposure
from screening.worklist.access.forms import FormTokens, RefusedFormError
from screening.worklist.access.identification import ByPassword, identification_of
from screening.worklist.access.security import SecurityHeaders
from screening.worklist.access.token_identification import ByToken
from screening.worklist.answers import refusal, unavailable
from screening.worklist.api.application import add_api
from screening.worklist.api.bodies import BodyLimit
from screening.worklist.api.entity_tags import is_known
from screening.worklist.api.problems import Problem
from screening.worklist.figures.metrics import metrics_text
from screening.worklist.figures.pending import RecentAge, oldest_pending_age_s
from screening.worklist.figures.reading_figures import reading_figures
from screening.worklist.figures.totals import Totals
from screening.worklist.gate import METRICS_PATH, Gate
from screening.worklist.live import add_changes
from screening.worklist.login import add_login
from screening.worklist.model import read_model
from screening.worklist.operations import OperatorActions, add_operations
from screening.worklist.pages import Board, Pages, receiver_of
from screening.worklist.pictures.heat_maps import AskForHeatMaps, add_heat_maps
from screening.worklist.pictures.pictures import Pictures
from screening.worklist.pictures.routes import add_pictures
from screening.worklist.reach import HEALTH_PATH, Reach
from screening.worklist.reading import ReaderActions, add_reading
from screening.worklist.recent_boards import RecentBoards
from screening.worklist.selected_studies import add_selected_studies
from screening.worklist.source import Source, is_untrained
from screening.worklist.studies.counts import count_by_priority
from screening.worklist.studies.places import Place
from screening.worklist.studies.position import STUDIES_ON_PAGE, CursorError
from screening.worklist.study_page import add_study

MODEL_PATH = "/model"
DIGEST = re.compile(r"[0-9a-f]{64}")
STATIC = Path(__file__).parent / "static"
ReadLedger = Callable[[], Totals]
log = get_logger()


def make_web_app(
    *,
    database: Database,
    settings: Settings,
    exposure: Exposure,
    read_ledger: ReadLedger,
    actions: OperatorActions,
    pictures: Pictures,
    reader_actions: ReaderActions,
    ask_for_heat_maps: AskForHeatMaps,
    stopping: threading.Event,
) -> ASGIApp:
    """Build the web application; it reads the database, and writes through actions alone.

    read_ledger: returns the totals now. pictures: of the objects in the spool. ask_for_heat_maps:
    has the classify worker compute them. stopping: is set when the page stops, so that nobody
    waits for changes any more.
    Raises SettingsError where the password file cannot be used.
    """
    app = FastAPI(title="Screening worklist", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    has_login = settings.web_authentication == "password"
    pages = Pages(receiver_of(settings), has_login=has_login)
    drift = RecentDrift(lambda: read_drift(database, settings))
    _add_failures(app, pages)
    source = Source(
        database=database,
        ledger=read_ledger,
        drift=drift,
        cap=settings.waiting_cap,
        zone=ZoneInfo(settings.time_zone) if settings.time_zone else None,
        viewer_template=settings.web_viewer_url,
        with_heat_maps=settings.heat_maps is not HeatMapsWanted.OFF,
    )
    expire = (_add_worklist(app, pages, source), add_selected_studies(app, pages, source))
    add_changes(app, database, expire, stopping)
    add_study(app, pages, source)
    _add_models(app, pages, database)
    _add_figures(app, source)
    add_api(app, source, pictures, reader_actions)
    add_reading(app, pages, database, reader_actions)
    add_operations(app, pages, database, read_ledger, actions, read_drift=drift)
    add_heat_maps(app, database, ask_for_heat_maps)
    add_pictures(app, pages, database, pictures)
    tokens = FormTokens()
    identification = identification_of(settings, tokens, secure=exposure.secure)
    if isinstance(identification, ByPassword):
        add_login(app, pages, identification, tokens, secure=exposure.secure)
    by_token = ByToken(database, behind_proxy=settings.web_authentication == "proxy")
    gate = Gate(BodyLimit(app), identification=identification, by_token=by_token, pages=pages)
    behind_proxy = ProxyHeadersMiddleware(gate, list(settings.web_trusted_proxies))
    reach = Reach(behind_proxy, settings=settings, exposure=exposure, pages=pages)
    return SecurityHeaders(reach, secure=exposure.secure)


def _add_worklist(app: FastAPI, pages: Pages, source: Source) -> Callable[[], None]:
    """Add the list; return what to call when it has changed."""

    def read_board(place: Place) -> Board:
        return _read_board(source, place)

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


def _add_figures(app: FastAPI, source: Source) -> None:
    database = source.database
    recent_age_s = RecentAge(database)

    @app.get(HEALTH_PATH)
    def health() -> dict[str, Any]:
        return {"status": "ok", "oldest_pending_age_s": recent_age_s()}

    @app.get(METRICS_PATH)
    def metrics() -> Response:
        figures = metrics_text(
            source.ledger(),
            oldest_pending_age_s(database, utc_now()),
            failing_destinations(database),
            calibration=calibration_state(database),
            drift=source.drift(),
            reading=reading_figures(database, utc_now()),
        )
        return Response(figures, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _add_failures(app: FastAPI, pages: Pages) -> None:
    @app.exception_handler(DatabaseUnavailableError)
    def database_away(request: Request, error: DatabaseUnavailableError) -> Response:
        return unavailable(pages, request.url.path, error)

    @app.exception_handler(CursorError)
    def no_such_place(request: Request, error: CursorError) -> Response:
        text = f"{str(error)[0].upper()}{str(error)[1:]}."
        return refusal(pages, request.url.path, Problem.WRONG_CURSOR, text)

    @app.exception_handler(RefusedFormError)
    def refused_form(_request: Request, error: RefusedFormError) -> Response:
        log.warning("form_refused", reason=str(error))
        return HTMLResponse(pages.notice("The form was refused", str(error)), error.status)


def _read_board(source: Source, place: Place) -> Board:
    page = source.page(place, STUDIES_ON_PAGE)
    bundle = active_bundle(source.database)
    return Board(
        place=place,
        page=page,
        by_priority=count_by_priority(source.database),
        totals=source.ledger(),
        bundle=bundle,
        untrained=is_untrained(bundle, page.entries),
        drift_warnings=source.warnings(entry.calling_ae_title for entry in page.entries),
        at=utc_now(),
        calibration=calibration_state(source.database),
    )
