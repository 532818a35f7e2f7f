"""`screening deliveries`: reports that a destination does not have yet."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from screening.cli.reading.lists import point_in_time
from screening.errors import ScreeningError, SettingsError

if TYPE_CHECKING:
    from screening.db.session import Database
    from screening.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="Undelivered reports: list, retry, give up, send, remake.",
)
Destination = Annotated[
    str, typer.Argument(help="The destination's name, in the settings now or earlier.")
]


@app.command(name="list")
def list_undelivered(
    destination: Annotated[str | None, typer.Option(help="Only for this destination.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the reports that have not arrived, and why.

    Example: screening deliveries list --destination pacs
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json, print_table
    from screening.ops.delivery_control import undelivered

    with opened_database() as (settings, database):
        if destination is not None:
            _check_known(destination, settings, database)
        lines = undelivered(database, destination=destination)
    if as_json:
        print_json([line.as_dict() for line in lines])
        return
    print_table(
        "not delivered",
        ("destination", "state", "attempts", "status", "message", "report"),
        (
            (
                line.destination,
                line.state,
                line.attempts,
                line.last_status,
                line.last_message,
                line.report_sop_instance_uid,
            )
            for line in lines
        ),
    )


@app.command()
def retry(
    destination: Destination,
    given_up: Annotated[
        bool, typer.Option("--given-up", help="Include those that were given up.")
    ] = False,
) -> None:
    """Send a destination its parked reports again.

    First fix the reason why it refused them.

    Example: screening deliveries retry pacs
    """
    from screening.cli.opened import opened_database
    from screening.cli.ringing import ring
    from screening.doorbell.names import Queue
    from screening.ops.delivery_control import release_parked

    with opened_database() as (settings, database):
        _check_known(destination, settings, database)
        released = release_parked(database, destination, given_up=given_up)
        ring(settings, Queue.REPORT)
    print(f"{released} reports are due again for {destination}")


@app.command()
def give_up(
    destination: Destination,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Stop sending a destination what it does not have.

    Use it for a destination that is gone. Retention no longer keeps images for these reports.

    Example: screening deliveries give-up old-pacs
    """
    from screening.cli.opened import opened_database
    from screening.ops.delivery_control import give_up_undelivered, undelivered

    with opened_database() as (settings, database):
        _check_known(destination, settings, database)
        if not yes:
            count = len(undelivered(database, destination=destination))
            typer.confirm(
                f"Give up {count} reports that {destination} does not have?", abort=True, err=True
            )
        count = give_up_undelivered(database, destination)
    print(f"{count} reports for {destination} are given up")


@app.command()
def remake() -> None:
    """Make again the reports that could not be made.

    First fix the cause, which `screening trace` shows.

    Example: screening deliveries remake
    """
    from screening.cli.opened import opened_database
    from screening.cli.ringing import ring
    from screening.doorbell.names import Queue
    from screening.ops.delivery_control import remake_failed_reports

    with opened_database() as (settings, database):
        due = remake_failed_reports(database)
        ring(settings, Queue.REPORT)
    print(f"the reports of {due} classifications are due again")


@app.command()
def send(
    to: Annotated[
        str, typer.Option("--to", metavar="NAME", help="The destination's name in the settings.")
    ],
    since: Annotated[
        str, typer.Option(metavar="T", help="Received since then: ISO date or time, or 7d, 12h.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send a destination the reports made before it was added.

    It gets the report of each image's current result, which is made first where the destination
    takes another profile. Reports that it has, has refused, that were given up, or that the routes
    of the settings send elsewhere are left out.
    You may interrupt and repeat the command: nothing is sent twice.

    Example: screening deliveries send --since 90d --to viewer
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.cli.ringing import ring
    from screening.doorbell.names import Queue
    from screening.report.late_deliveries import add_ready, find_late

    start = point_in_time(since)
    with opened_database() as (settings, database):
        profile = _profile_of(to, settings)
        late = find_late(database, to, profile, start, settings.routing)
        if as_json:
            print_json({"destination": to, "profile": profile, **late.as_dict()})
        else:
            print(
                f"images received since {start.isoformat()} whose report {to} does not have: "
                f"{len(late.ready)} with a report ready, {len(late.to_make)} with one to make in "
                f"profile {profile}, {late.being_made} that the report worker is about to "
                f"make, {late.not_possible} whose report cannot be made, {late.not_routed} that "
                "the routes of the settings send elsewhere"
            )
        if dry_run or not late.to_send:
            return
        if not yes:
            typer.confirm(f"Send {late.to_send} reports to {to}?", abort=True, err=True)
        added = add_ready(database, to, late.ready)
        failed = _make(database, settings, to, profile, late.to_make)
        ring(settings, Queue.REPORT)
    added += len(late.to_make) - failed.total()
    if not as_json:
        print(f"{added} reports are due for {to}")
    if failed:
        reasons = "; ".join(f"{count} times {reason}" for reason, count in failed.items())
        raise ScreeningError(f"expected {len(late.to_make)} reports to be made, found: {reasons}")


def _make(
    database: "Database",
    settings: "Settings",
    to: str,
    profile: str,
    classification_ids: Sequence[int],
) -> Counter[str]:
    """Make reports one by one; return how often which reason prevented it."""
    from screening.report.late_deliveries import make_and_add
    from screening.spool.store import Spool

    spool = Spool(settings.spool_dir)
    zone = ZoneInfo(settings.time_zone) if settings.time_zone else None
    failed: Counter[str] = Counter()
    with typer.progressbar(classification_ids, label="making", file=sys.stderr) as ids:
        for classification_id in ids:
            if reason := make_and_add(
                database, spool, classification_id, name=to, profile=profile, zone=zone
            ):
                failed[reason] += 1
    return failed


def _profile_of(name: str, settings: "Settings") -> str:
    """Return the rendering that a destination of the settings takes."""
    profiles = {one.name: one.profile for one in settings.all_destinations}
    if name not in profiles:
        raise SettingsError(
            f"destination: expected one of the settings, {', '.join(profiles) or 'none so far'}; "
            f"found {name!r}"
        )
    return profiles[name]


def _check_known(name: str, settings: "Settings", database: "Database") -> None:
    """End the command where no report was ever meant for a destination of this name."""
    from screening.ops.delivery_control import destinations_of_reports

    names = (one.name for one in settings.all_destinations)
    known = sorted({*names, *destinations_of_reports(database)})
    if name not in known:
        raise SettingsError(
            "destination: expected one of the settings or of a report, "
            f"{', '.join(known) or 'of which there is none yet'}; found {name!r}"
        )
