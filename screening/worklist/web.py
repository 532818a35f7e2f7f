"""Station 4: the worklist page, its JSON, and what monitoring reads."""

import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST

from screening.db.bundle_rows import ActiveBundle, active_bundle
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.errors import DatabaseUnavailableError, StartupError
from screening.logs import get_logger
from screening.settings import Settings
from screening.worklist.metrics import metrics_text
from screening.worklist.ordering import WorklistEntry, read_entry, read_worklist
from screening.worklist.pages import Board, Pages, receiver_of
from screening.worklist.pending import oldest_pending_age_s
from screening.worklist.security import SecurityHeaders
from screening.worklist.study import read_history, read_instances
from screening.worklist.totals import Totals

STUDIES_ON_PAGE = 200
STATIC = Path(__file__).parent / "static"
STOP_TIMEOUT_S = 5
RESEARCH_USE = "Research use only, not diagnostic. A low probability does not exclude disease."
ReadLedger = Callable[[], Totals]
log = get_logger()


def make_web_app(*, database: Database, settings: Settings, read_ledger: ReadLedger) -> FastAPI:
    """Build the web application; it reads the database and writes nothing.

    read_ledger: returns the totals now.
    """
    app = FastAPI(title="Screening worklist", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SecurityHeaders)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    pages = Pages(receiver_of(settings))
    _add_failures(app, pages)
    _add_pages(app, pages, database, read_ledger)
    _add_data(app, database, read_ledger)
    return app


def serve(settings: Settings, database: Database, read_ledger: ReadLedger) -> None:
    """Serve on WEB_HOST:WEB_PORT until SIGTERM or SIGINT, then return.

    Raises StartupError where the address cannot be listened on.
    """
    app = make_web_app(database=database, settings=settings, read_ledger=read_ledger)
    listener = _listen(settings.web_host, settings.web_port)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,  # addresses of the page name studies
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
            lifespan="off",
        )
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # uvicorn raises the signal again when it has stopped; it has had its effect
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    host, port = listener.getsockname()[:2]
    log.info("worklist_page_opened", host=host, port=port)
    server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise StartupError(
            f"web_host, web_port: expected an address to listen on, found {host}:{port} with "
            f"{error.strerror}; end what listens there or choose another"
        ) from None


def _add_pages(
    app: FastAPI,
    pages: Pages,
    database: Database,
    read_ledger: ReadLedger,
) -> None:
    @app.get("/", response_class=HTMLResponse)
    def worklist_page() -> str:
        return pages.worklist(_read_board(database, read_ledger))

    @app.get("/board", response_class=HTMLResponse)
    def worklist_board() -> str:
        return pages.board(_read_board(database, read_ledger))

    @app.get("/studies/{study_instance_uid}", response_class=HTMLResponse)
    def study_page(study_instance_uid: str) -> Response:
        entry = read_entry(database, study_instance_uid)
        if entry is None:
            text = "No image of a study with this UID has been received, or it was removed."
            return HTMLResponse(pages.notice("Study not found", text), 404)
        instances = read_instances(database, study_instance_uid)
        history = read_history(database, study_instance_uid)
        return HTMLResponse(pages.study(entry, instances, history, utc_now()))


def _add_data(app: FastAPI, database: Database, read_ledger: ReadLedger) -> None:
    @app.get("/api/worklist")
    def worklist_json(limit: Annotated[int | None, Query(ge=1)] = None) -> dict[str, Any]:
        now = utc_now()
        entries = read_worklist(database, limit=limit)
        return {
            "at": now.isoformat(),
            "notice": RESEARCH_USE,
            "untrained": _is_untrained(active_bundle(database), entries),
            "ledger": read_ledger().as_dict(),
            "worklist": [
                {**entry.as_dict(), "waiting_s": round(entry.waiting_s(now))} for entry in entries
            ],
        }

    @app.get("/healthz")
    def health() -> dict[str, Any]:
        age_s = oldest_pending_age_s(database, utc_now())
        return {"status": "ok", "oldest_pending_age_s": age_s}

    @app.get("/metrics")
    def metrics() -> Response:
        figures = metrics_text(read_ledger(), oldest_pending_age_s(database, utc_now()))
        return Response(figures, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _add_failures(app: FastAPI, pages: Pages) -> None:
    @app.exception_handler(DatabaseUnavailableError)
    def unavailable(request: Request, error: DatabaseUnavailableError) -> Response:
        log.warning("worklist_unavailable", reason=str(error))
        if request.url.path in {"/healthz", "/metrics"} or request.url.path.startswith("/api/"):
            return JSONResponse({"status": "database unavailable"}, 503)
        text = (
            "The database does not answer, so the worklist cannot be shown. Images sent meanwhile "
            "are refused with a status that makes the sender try again. Read without this list "
            "until it is back, and tell whoever runs it."
        )
        return HTMLResponse(pages.notice("The worklist is not available", text), 503)


def _read_board(database: Database, read_ledger: ReadLedger) -> Board:
    found = read_worklist(database, limit=STUDIES_ON_PAGE + 1)
    bundle = active_bundle(database)
    return Board(
        entries=found[:STUDIES_ON_PAGE],
        more=len(found) > STUDIES_ON_PAGE,
        totals=read_ledger(),
        bundle=bundle,
        untrained=_is_untrained(bundle, found),
        at=utc_now(),
    )


def _is_untrained(bundle: ActiveBundle | None, entries: Sequence[WorklistEntry]) -> bool:
    scores_now = bundle is not None and not bundle.trained
    return scores_now or any(entry.untrained for entry in entries)
