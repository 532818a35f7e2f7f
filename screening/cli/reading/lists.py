"""`screening ledger` and `trace`: the counts, the history."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from screening.errors import ScreeningError
from screening.ops.since import parse_since

if TYPE_CHECKING:
    from screening.db.breakers import FailingDestination
    from screening.db.session import Database
    from screening.ops.ledger import Ledger
    from screening.ops.study_search import FoundStudy
    from screening.ops.trace import TraceLine


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
    from screening.db.clock import utc_now
    from screening.ops.drift_trace import drift_lines
    from screening.ops.study_search import find_studies
    from screening.ops.trace import trace as read_trace

    with opened_database() as (settings, database):
        uid, lines = value, read_trace(database, value)
        studies = [] if lines else find_studies(database, value)
        if len(studies) == 1:
            uid = studies[0].study_instance_uid
            lines = read_trace(database, uid)
        lines += drift_lines(database, settings, lines, utc_now())
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


def print_state(database: "Database", *, cap: "timedelta | None" = None) -> None:
    """Print the worklist, the ledger, and the destinations that fail.

    cap: how long a study may wait before it goes ahead of all others.
    """
    from screening.cli.reading.worklist import print_first_page
    from screening.db.breakers import failing_destinations
    from screening.ops.ledger import read_ledger

    print_first_page(database, cap)
    print_ledger(read_ledger(database))
    print_failing(failing_destinations(database))
