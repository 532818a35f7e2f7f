"""The command `screening`: its groups, and how errors end it."""

import sys
from importlib.metadata import entry_points
from typing import Annotated

import typer

import screening
from screening.cli import (
    bundles,
    database,
    deliveries,
    lists,
    phantom,
    reprocess,
    retention,
    score,
    send,
    settings,
    stations,
    up,
    users,
)
from screening.errors import ScreeningError, StartupError

EXIT_FAILED = 1
EXIT_NOT_STARTED = 2

app = typer.Typer(
    name="screening",
    help="Chest radiographs in by DICOM, scores and structured reports out, the worklist in order.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(up.up)
app.command()(send.send)
app.command()(lists.worklist)
app.command()(lists.ledger)
app.command()(lists.trace)
app.command()(score.score)
app.command()(reprocess.reprocess)
app.command()(retention.retention)
app.command()(phantom.phantom)
app.command()(settings.settings)
app.add_typer(stations.app, name="run")
app.add_typer(bundles.app, name="bundles")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(users.app, name="users")
app.add_typer(database.app, name="db")
for group in entry_points(group="screening.commands"):
    app.add_typer(group.load(), name=group.name)  # other packages' commands, such as training's


def _print_version(wanted: bool) -> None:
    if wanted:
        print(screening.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    del version


def run() -> None:
    """Run the command line; errors of this project end it with one line and a status."""
    try:
        app()
    except StartupError as error:
        print(f"screening: {error}", file=sys.stderr)
        sys.exit(EXIT_NOT_STARTED)
    except ScreeningError as error:
        print(f"screening: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
