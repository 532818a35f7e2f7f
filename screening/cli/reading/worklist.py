"""`screening worklist`: the studies in reading order, and what another order would change."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from screening.cli.reading.worklist_simulation import simulate
from screening.worklist.studies.position import MOST_ON_A_PAGE, STUDIES_ON_PAGE, CursorError

if TYPE_CHECKING:
    from screening.db.session import Database
    from screening.worklist.studies.ordering import WorklistEntry, WorklistPage

app = typer.Typer(invoke_without_command=True)
app.command()(simulate)


@app.callback()
def worklist(
    ctx: typer.Context,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_ON_A_PAGE, help="Print at most this many studies.")
    ] = STUDIES_ON_PAGE,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Continue where an earlier call ended.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the unread studies in reading order.

    The order is priority, then the score that gave it, then waiting time; studies that have waited
    longer than the site's cap go before all others. If there are more studies than the limit,
    standard error says how to see them.

    Example: screening worklist --limit 20
    """
    if ctx.invoked_subcommand is not None:
        return
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.worklist.studies.ordering import read_worklist

    with opened_database() as (settings, database):
        try:
            page = read_worklist(database, limit=limit, after=after, cap=settings.waiting_cap)
        except CursorError as error:
            raise typer.BadParameter(str(error)) from None
    if as_json:
        print_json([entry.as_dict() for entry in page.entries])
    else:
        print_worklist(page.entries)
    _print_next(page)


def print_worklist(entries: "Sequence[WorklistEntry]") -> None:
    """Print the list for people."""
    from screening.cli.printing import percent, print_table
    from screening.db.clock import utc_now

    now = utc_now()
    if any(entry.untrained for entry in entries):
        print("UNTRAINED ensemble: the scores and the order below mean nothing.")
    print_table(
        "worklist",
        ("priority", "COVID-19", "pneumonia", "normal", "patient", "accession", "study", "sender",
         "images", "waiting", "claimed by", "UID"),
        (
            (
                f"{entry.priority}{' (UNTRAINED)' if entry.untrained else ''}",
                percent(entry.covid19),
                percent(entry.pneumonia),
                percent(entry.normal),
                _patient(entry),
                entry.accession_number,
                _study(entry),
                entry.calling_ae_title,
                entry.instances,
                f"{entry.waiting_s(now) / 60:.0f} min{' (OVERDUE)' if entry.overdue else ''}",
                entry.reader,
                entry.study_instance_uid,
            )
            for entry in entries
        ),
    )  # fmt: skip


def _print_next(page: "WorklistPage") -> None:
    """Say how to see the studies that follow, on standard error: no program takes it for rows."""
    if page.next_cursor:
        print(f"more follow: screening worklist --after {page.next_cursor}", file=sys.stderr)


def _patient(entry: "WorklistEntry") -> str:
    from screening.worklist import wording

    known = " ".join(part for part in (entry.patient_id, entry.patient_name) if part)
    differ = "PATIENT DATA DIFFER" if entry.demographics_differ else ""
    parts = (known, wording.sex(entry.patient_sex), wording.age(entry.patient_age), differ)
    return ", ".join(part for part in parts if part)


def _study(entry: "WorklistEntry") -> str:
    from screening.worklist import wording

    date, time = wording.dicom_date(entry.study_date), wording.dicom_time(entry.study_time)
    return " ".join(part for part in (date, time, entry.study_description) if part)


def print_first_page(database: "Database", cap: timedelta | None) -> None:
    """Print the most urgent studies for people."""
    from screening.worklist.studies.ordering import read_worklist

    page = read_worklist(database, cap=cap)
    print_worklist(page.entries)
    _print_next(page)
