"""`screening worklist`, `ledger` and `trace`: the studies, the counts, the history."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from screening.errors import ScreeningError
from screening.ops.since import parse_since
from screening.worklist.position import MOST_ON_A_PAGE, STUDIES_ON_PAGE, CursorError

if TYPE_CHECKING:
    from screening.db.breakers import FailingDestination
    from screening.db.session import Database
    from screening.ops.ledger import Ledger
    from screening.ops.study_search import FoundStudy
    from screening.ops.trace import TraceLine
    from screening.worklist.ordering import WorklistEntry, WorklistPage


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def worklist(
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_ON_A_PAGE, help="Print at most this many studies.")
    ] = STUDIES_ON_PAGE,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Continue where an earlier call ended.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the studies in reading order.

    The order is priority, then the score that gave it, then waiting time. If there are more
    studies than the limit, standard error says how to see them.

    Example: screening worklist --limit 20
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.worklist.ordering import read_worklist

    with opened_database() as (_, database):
        try:
            page = read_worklist(database, limit=limit, after=after)
        except CursorError as error:
            raise typer.BadParameter(str(error)) from None
    if as_json:
        print_json([entry.as_dict() for entry in page.entries])
    else:
        print_worklist(page.entries)
    _print_next(page)


def ledger(
    since: Annotated[
        str | None,
        typer.Option(metavar="T", help="Received since then: ISO date or time, or 7d, 12h."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count the images in each state.

    Received must be the sum of the others; the exit status is 1 if it is not.

    Example: screening ledger --since 24h
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.db.breakers import failing_destinations
    from screening.ops.ledger import read_ledger

    with opened_database() as (_, database):
        counts = read_ledger(database, since=point_in_time(since) if since else None)
        failing = failing_destinations(database)
    if as_json:
        listed = [one.as_dict() for one in failing]
        print_json({**counts.as_dict(), "failing_destinations": listed})
    else:
        print_ledger(counts)
        print_failing(failing)
    if not counts.adds_up:
        raise ScreeningError("the ledger does not add up; please report this as a defect")


def trace(
    value: Annotated[
        str,
        typer.Argument(
            metavar="UID|NUMBER",
            help="A Study or SOP Instance UID, an accession number, or a patient ID.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Print the history of a study, an image or a report.

    If several studies have the accession number or the patient ID, it lists them.

    Example: screening trace 2.25.1234
    """
    from screening.cli.opened import opened_database
    from screening.ops.study_search import find_studies
    from screening.ops.trace import trace as read_trace

    with opened_database() as (_, database):
        uid, lines = value, read_trace(database, value)
        studies = [] if lines else find_studies(database, value)
        if len(studies) == 1:
            uid = studies[0].study_instance_uid
            lines = read_trace(database, uid)
    if lines:
        _print_trace(uid, lines, as_json=as_json)
    elif studies:
        _print_studies(studies, as_json=as_json)
    else:  # what was typed may be a patient's, and is not repeated
        raise ScreeningError(
            "expected a Study or SOP Instance UID, an accession number or a patient ID that was "
            "received, found nothing for this value; `screening worklist` lists the studies"
        )


def _print_trace(uid: str, lines: "list[TraceLine]", *, as_json: bool) -> None:
    from screening.cli.printing import print_json, print_table

    if as_json:
        print_json([line.as_dict() for line in lines])
        return
    print_table(
        f"trace of {uid}",
        ("at (UTC)", "event", "SOP instance", "what"),
        (
            (f"{line.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], line.kind, line.sop_instance_uid, line.text)
            for line in lines
        ),
    )


def _print_studies(studies: "list[FoundStudy]", *, as_json: bool) -> None:
    from screening.cli.printing import print_json, print_table

    if as_json:
        print_json({"studies": [study.as_dict() for study in studies]})
        return
    print_table(
        "several studies: trace one by its UID",
        ("found by", "received (UTC)", "images", "UID"),
        (
            (
                study.found_by,
                f"{study.received_at:%Y-%m-%d %H:%M}",
                study.images,
                study.study_instance_uid,
            )
            for study in studies
        ),
    )


def point_in_time(text: str) -> datetime:
    """Return the time that `text` names, or end the command saying what was expected."""
    from screening.db.clock import utc_now

    try:
        return parse_since(text, utc_now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


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
         "images", "waiting", "UID"),
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
                f"{entry.waiting_s(now) / 60:.0f} min",
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


def print_ledger(counts: "Ledger") -> None:
    """Print the counts for people."""
    from screening.cli.printing import print_table

    print_table(
        "ledger",
        ("received", "classified", "not applicable", "failed", "pending", "adds up"),
        [
            (
                counts.received,
                counts.classified,
                counts.not_applicable,
                counts.failed,
                counts.pending,
                "yes" if counts.adds_up else "NO",
            )
        ],
    )
    tables = (
        ("why", ("state", "reason", "instances"), counts.reasons),
        ("reports", ("destination", "state", "reports"), counts.deliveries),
        (
            "reports that a destination has confirmed",
            ("destination", "state", "reports"),
            counts.report_commitments,
        ),
        (
            "Storage Commitment requests",
            ("calling AE title", "state", "requests"),
            counts.peer_commitment_requests,
        ),
    )
    for title, columns, counted in tables:
        if counted:
            print_table(title, columns, ((*key, count) for key, count in counted.items()))
    if counts.removed:
        print(f"{counts.removed} images removed by retention; their rows and results remain")


def print_failing(failing: "list[FailingDestination]") -> None:
    """Print the destinations that fail; nothing where all work."""
    from screening.cli.printing import print_table

    if failing:
        print_table(
            "failing destinations",
            ("destination", "failures in a row", "since (UTC)", "next try (UTC)", "last message"),
            (
                (
                    one.destination,
                    one.failures,
                    f"{one.failing_since:%Y-%m-%d %H:%M:%S}",
                    f"{one.probe_at:%H:%M:%S}" if one.probe_at else "when due",
                    one.last_message,
                )
                for one in failing
            ),
        )


def print_state(database: "Database") -> None:
    """Print the worklist, the ledger, and the destinations that fail."""
    from screening.db.breakers import failing_destinations
    from screening.ops.ledger import read_ledger
    from screening.worklist.ordering import read_worklist

    page = read_worklist(database)
    print_worklist(page.entries)
    _print_next(page)
    print_ledger(read_ledger(database))
    print_failing(failing_destinations(database))
