"""What operators do on the page: send reports again, make them again, decide corrections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from screening.db.breakers import FailingDestination, failing_destinations
from screening.db.corrections import read_corrections
from screening.db.session import Database
from screening.db.tables.columns import stands_at
from screening.db.tables.instances import Classification
from screening.domain.lifecycle import DeliveryState, ReportState
from screening.domain.shown_values import is_uid
from screening.drift.of_senders import SenderDrift
from screening.errors import DecisionRefusedError
from screening.logs import get_logger
from screening.worklist.access.access import visitor_of
from screening.worklist.access.forms import RefusedFormError, read_form
from screening.worklist.figures.totals import Totals
from screening.worklist.gate import OPERATIONS_PATH
from screening.worklist.pages import DestinationCounts, Pages

CORRECTIONS_ON_PAGE = 20
LONGEST_NUMBER = 18
NOBODY = "the page, without login"
"""Who decides if the page is open to this machine only and nobody logs in."""
log = get_logger()


@dataclass(frozen=True, slots=True)
class OperatorActions:
    """What operations offers, as functions: stations do not import `screening.ops`.

    The first two return how many reports or classifications are due again, the others raise
    DecisionRefusedError where somebody was faster; all raise DatabaseUnavailableError.
    """

    release_parked: Callable[[str], int]
    """Sends parked reports of one destination again."""
    remake_failed_reports: Callable[[], int]
    accept_correction: Callable[[int, str], None]
    """Accepts a correction, by its number and the name of who decided."""
    reject_correction: Callable[[int, str], None]


def add_operations(
    app: FastAPI,
    pages: Pages,
    database: Database,
    read_ledger: Callable[[], Totals],
    actions: OperatorActions,
    *,
    read_drift: Callable[[], Sequence[SenderDrift]],
) -> None:
    """Add the operators' page and the paths of its forms; the gate admits operators only."""

    @app.get(OPERATIONS_PATH, response_class=HTMLResponse)
    def operations_page(request: Request) -> str:
        waiting = read_corrections(database, limit=CORRECTIONS_ON_PAGE + 1)
        return pages.operations(
            _counts(read_ledger(), failing_destinations(database)),
            _failed_reports(database),
            waiting[:CORRECTIONS_ON_PAGE],
            visitor_of(request),
            drift=read_drift(),
            more_corrections=len(waiting) > CORRECTIONS_ON_PAGE,
        )

    @app.post(f"{OPERATIONS_PATH}/release")
    async def release(request: Request) -> Response:
        fields = await read_form(request, visitor_of(request).form_token)
        destination = fields.get("destination", "")
        if destination not in {name for name, _ in read_ledger().deliveries}:
            raise RefusedFormError(400, "There is no such destination. Reload the page.")
        count = await run_in_threadpool(actions.release_parked, destination)
        log.info("parked_released", user=_name(request), destination=destination, count=count)
        return RedirectResponse(OPERATIONS_PATH, 303)

    @app.post(f"{OPERATIONS_PATH}/remake")
    async def remake(request: Request) -> Response:
        await read_form(request, visitor_of(request).form_token)
        count = await run_in_threadpool(actions.remake_failed_reports)
        log.info("reports_remade", user=_name(request), count=count)
        return RedirectResponse(OPERATIONS_PATH, 303)

    @app.post(f"{OPERATIONS_PATH}/corrections/accept")
    async def accept(request: Request) -> Response:
        return await _decide(request, actions.accept_correction, "correction_accepted")

    @app.post(f"{OPERATIONS_PATH}/corrections/reject")
    async def reject(request: Request) -> Response:
        return await _decide(request, actions.reject_correction, "correction_rejected")


async def _decide(request: Request, decide: Callable[[int, str], None], told: str) -> Response:
    """Carry out a decision and return to the page on which it was made."""
    fields = await read_form(request, visitor_of(request).form_token)
    number = fields.get("correction", "")
    if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER):
        raise RefusedFormError(400, "There is no such correction. Reload the page.")
    try:
        await run_in_threadpool(decide, int(number), _name(request) or NOBODY)
    except DecisionRefusedError as error:
        raise RefusedFormError(409, f"{error}.") from None
    log.info(told, user=_name(request), correction=int(number))
    study = fields.get("study", "")
    return RedirectResponse(f"/studies/{study}" if is_uid(study) else OPERATIONS_PATH, 303)


def _name(request: Request) -> str:
    return visitor_of(request).name


def _counts(totals: Totals, failing: list[FailingDestination]) -> list[DestinationCounts]:
    found = totals.deliveries
    failing_by_name = {one.destination: one for one in failing}
    names = sorted({destination for destination, _ in found})
    return [
        DestinationCounts(
            destination=name,
            parked=found.get((name, DeliveryState.PARKED), 0),
            under_way=found.get((name, DeliveryState.PENDING), 0)
            + found.get((name, DeliveryState.SENDING), 0),
            delivered=found.get((name, DeliveryState.DELIVERED), 0),
            failing=failing_by_name.get(name),
        )
        for name in names
    ]


def _failed_reports(database: Database) -> int:
    failed = select(func.count()).where(stands_at(Classification.report_state, ReportState.FAILED))
    with database.read() as session:
        return session.execute(failed).scalar_one()
