"""`screening run`: one station a process, for production."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from screening.cli.exit_statuses import FAILED, NOT_STARTED
from screening.cli.running.loading import loading
from screening.errors import ScreeningError, StartupError

if TYPE_CHECKING:
    from screening.receive.processes.serving import Share
    from screening.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Run one station until SIGTERM or Ctrl-C.")

Supervised = Annotated[
    bool,
    typer.Option("--supervised", hidden=True, help="Stop when standard input closes."),
]


@app.command()
def receive(supervised: Supervised = False) -> None:
    """Run the Storage SCP.

    It also runs retention if the settings ask for it.

    Example: SCREENING_SCP_HOST=0.0.0.0 screening run receive
    """
    with _station("receive", supervised) as settings:
        with loading():
            from screening.cli.opened import opened_database
            from screening.db.migrate import require_current  # noqa: F401  loaded before any fork
            from screening.ops.retention_timer import running_retention
            from screening.receive.processes.port import serve_in_processes
            from screening.receive.scp import running_scp
            from screening.ups.service import running_ups

        def serve(share: "Share | None" = None) -> None:
            """Serve associations until SIGTERM or Ctrl-C, alone or as one of several processes."""
            stop = _stop_signal()
            is_first = share is None or share.is_first
            with (
                opened_database(settings) as (_, database),
                running_ups(settings, database, reports=is_first) as more,
                running_scp(settings, database, share, more),
                running_retention(settings, database) if is_first else nullcontext(),
            ):
                stop.wait()

        if settings.scp_processes > 1:
            serve_in_processes(settings, serve)
        else:
            serve()


@app.command()
def stow(supervised: Supervised = False) -> None:
    """Run the STOW-RS service, which takes images by HTTP.

    Only where SCREENING_STOW_PORT names a port.

    Example: SCREENING_STOW_PORT=8042 screening run stow
    """
    with _station("stow", supervised) as settings:
        with loading():
            from screening.cli.opened import opened_database
            from screening.receive.stow_rs.server import running_stow

        stop = _stop_signal()
        with opened_database(settings) as (_, database), running_stow(settings, database):
            stop.wait()


@app.command()
def classify(supervised: Supervised = False) -> None:
    """Run a classify worker, one per GPU.

    Example: CUDA_VISIBLE_DEVICES=0 screening run classify
    """
    with _station("classify", supervised) as settings:
        with loading():
            from screening.cli.opened import opened_database
            from screening.logs import library_output_logged
            from screening.settings import choose_runtime

        choose_runtime(settings.runtime)
        with opened_database(settings) as (_, database):
            with library_output_logged():
                with loading():
                    from screening.classify.station import ClassifyStation

                station = ClassifyStation(settings, database)
            station.run()


@app.command()
def report(supervised: Supervised = False) -> None:
    """Run a report worker.

    It makes structured reports and delivers them.

    Example: screening run report
    """
    with _station("report", supervised) as settings:
        with loading():
            from screening.cli.opened import opened_database
            from screening.report.station import ReportStation

        with opened_database(settings) as (_, database):
            ReportStation(settings, database).run()


@app.command()
def web(supervised: Supervised = False) -> None:
    """Run the worklist page and its REST interface.

    Example: SCREENING_WEB_PORT=8081 screening run web
    """
    with _station("web", supervised) as settings:
        with loading():
            from screening.cli.opened import opened_database
            from screening.cli.running.page import (
                heat_maps_asked,
                operator_actions,
                pictures_of,
                reader_actions,
            )
            from screening.ops.ledger import read_ledger
            from screening.worklist.access.exposure import check_exposure
            from screening.worklist.server import serve
            from screening.worklist.web import make_web_app

        exposure = check_exposure(settings)
        pictures = pictures_of(settings)
        stopping = threading.Event()
        with opened_database(settings) as (_, database), pictures.running():
            page = make_web_app(
                database=database,
                settings=settings,
                exposure=exposure,
                read_ledger=lambda: read_ledger(database),
                actions=operator_actions(settings, database),
                pictures=pictures,
                reader_actions=reader_actions(database),
                ask_for_heat_maps=heat_maps_asked(settings, database),
                stopping=stopping,
            )
            serve(page, settings, exposure, stopping=stopping)


@contextmanager
def _station(name: str, supervised: bool) -> Iterator["Settings"]:
    """Yield the settings of a process whose every line on standard error is a JSON event."""
    with loading():
        from screening.cli.operations.private_data import mend_data_folder
        from screening.logs import configure_logs, get_logger
        from screening.private_files import privately
        from screening.settings import load_settings

    configure_logs("INFO", station=name)
    try:
        settings = load_settings()
        configure_logs(settings.log_level, station=name)
        if supervised:
            threading.Thread(target=_end_with_supervisor, name="supervisor", daemon=True).start()
        with privately():
            mend_data_folder(settings)
            yield settings
    except StartupError as error:
        get_logger().critical("station_not_started", reason=str(error))
        raise typer.Exit(NOT_STARTED) from None
    except ScreeningError as error:
        get_logger().critical("station_failed", reason=str(error))
        raise typer.Exit(FAILED) from None


def _end_with_supervisor() -> None:
    os.read(sys.stdin.fileno(), 1)  # unbuffered: a lock on stdin would break the exit
    os.kill(os.getpid(), signal.SIGTERM)


def _stop_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
