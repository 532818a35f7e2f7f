"""`screening destinations`: where reports go, and whether they would arrive."""

from typing import TYPE_CHECKING, Annotated

import typer

from screening.cli.exit_statuses import FAILED
from screening.errors import SettingsError

if TYPE_CHECKING:
    from screening.delivery.entry import DestinationSettings
    from screening.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Destinations of reports: test them, list the kinds.")


@app.command(name="test")
def try_all(
    name: Annotated[
        str | None, typer.Argument(help="Only the destination of this name in the settings.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Test whether destinations would accept a report.

    It sends no report. The exit status is 1 if one would not accept it.

    Example: screening destinations test pacs
    """
    from screening.cli.printing import print_json, print_table
    from screening.delivery.destination import connected
    from screening.logs import configure_logs
    from screening.private_files import privately
    from screening.settings import load_settings

    settings = load_settings()
    configure_logs("ERROR", station="destinations")
    with privately():
        checks = [
            (destination.name, check)
            for destination in connected(_wanted(name, settings), settings.site)
            for check in destination.test()
        ]
    if as_json:
        print_json([{"destination": name, **check.as_dict()} for name, check in checks])
    else:
        print_table(
            "destinations",
            ("destination", "check", "passed", "found"),
            (
                (name, check.what, "yes" if check.passed else "NO", check.message)
                for name, check in checks
            ),
        )
    if not all(check.passed for _, check in checks):
        raise typer.Exit(FAILED)


@app.command()
def kinds(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the kinds of delivery.

    It prints what each can send, and the keys that its destinations have.

    Example: screening destinations kinds
    """
    from screening.cli.printing import print_json, print_table
    from screening.delivery.choice import sendable
    from screening.delivery.kind import KINDS

    rows = [
        {
            "kind": kind.name,
            "meaning": kind.meaning,
            "profiles": sendable(kind),
            "keys": list(kind.settings.model_fields),
        }
        for kind in KINDS.all()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        "kinds of delivery",
        ("kind", "meaning", "profiles", "keys"),
        (
            (row["kind"], row["meaning"], ", ".join(row["profiles"]), ", ".join(row["keys"]))
            for row in rows
        ),
    )


@app.command()
def schema() -> None:
    """Print the JSON schema of what a webhook gets.

    It is that of docs/webhook.schema.json, of this version.

    Example: screening destinations schema
    """
    from pydantic import TypeAdapter

    from screening.cli.printing import print_json
    from screening.renderings.json_result.body import Body

    print_json(TypeAdapter(Body).json_schema())


def _wanted(name: str | None, settings: "Settings") -> "list[DestinationSettings]":
    """Return the destination of this name, all where it is None."""
    destinations = {one.name: one for one in settings.all_destinations}
    if name is None:
        return list(destinations.values())
    if name not in destinations:
        raise SettingsError(
            "destination: expected one of the settings, "
            f"{', '.join(destinations) or 'none so far'}; found {name!r}"
        )
    return [destinations[name]]
