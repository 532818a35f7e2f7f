"""`screening deliveries`: reports that have not arrived."""

from typing import TYPE_CHECKING, Annotated

import typer

from screening.errors import SettingsError

if TYPE_CHECKING:
    from screening.db.session import Database
    from screening.settings import Settings


app = typer.Typer(no_args_is_help=True, help="Reports that have not arrived: list, retry, give up.")
Destination = Annotated[
    str, typer.Argument(help="The destination's name in the settings, or that of one that is gone.")
]


@app.command(name="list")
def list_undelivered(
    destination: Annotated[str | None, typer.Option(help="Only of this destination.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the reports a destination does not have yet, and why.

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
        bool, typer.Option("--given-up", help="Those that were given up, too.")
    ] = False,
) -> None:
    """Send parked reports of a destination again, once what it refused them for is mended.

    Example: screening deliveries retry pacs
    """
    from screening.cli.opened import opened_database
    from screening.cli.ringing import ring
    from screening.ops.delivery_control import release_parked
    from screening.queue.names import Queue

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
    """Give up the reports that a destination does not have, such as one that is gone for good.

    They are not sent any more, and no longer keep their images from retention.

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
    """Make the reports that failed to be made again, once the cause is mended.

    Example: screening deliveries remake
    """
    from screening.cli.opened import opened_database
    from screening.cli.ringing import ring
    from screening.ops.delivery_control import remake_failed_reports
    from screening.queue.names import Queue

    with opened_database() as (settings, database):
        due = remake_failed_reports(database)
        ring(settings, Queue.REPORT)
    print(f"the reports of {due} classifications are due again")


def _check_known(name: str, settings: "Settings", database: "Database") -> None:
    """End the command where no report was ever meant for a destination of this name."""
    from screening.ops.delivery_control import destinations_of_reports
    from screening.report.destinations import destination_names

    known = sorted({*destination_names(settings), *destinations_of_reports(database)})
    if name not in known:
        raise SettingsError(
            "destination: expected one of the settings or of a report, "
            f"{', '.join(known) or 'of which there is none yet'}; found {name!r}"
        )
