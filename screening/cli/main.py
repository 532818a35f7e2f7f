"""The command `screening`: its groups, and how errors end it.

A command's module is imported when the command is asked for, and imports what it needs when it
runs: each command is a process of its own, and help must come at once.
"""

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import screening
from screening.cli.exit_statuses import FAILED, NOT_STARTED
from screening.errors import ScreeningError, StartupError

PLUGINS = "screening.commands"
"""Entry points of this group are command groups of other packages, such as training's."""
COMMANDS: Mapping[str, str] = {
    "up": "screening.cli.running.up:up",
    "send": "screening.cli.running.send:send",
    "worklist": "screening.cli.reading.worklist:app",
    "ledger": "screening.cli.reading.lists:ledger",
    "trace": "screening.cli.reading.lists:trace",
    "score": "screening.cli.operations.score:score",
    "reprocess": "screening.cli.operations.reprocess:reprocess",
    "retention": "screening.cli.operations.retention:retention",
    "phantom": "screening.cli.running.phantom:phantom",
    "settings": "screening.cli.operations.settings:settings",
    "run": "screening.cli.running.stations:app",
    "site": "screening.cli.site.commands:app",
    "bundles": "screening.cli.operations.bundles:app",
    "deliveries": "screening.cli.reports.deliveries:app",
    "destinations": "screening.cli.reports.destinations:app",
    "routes": "screening.cli.reports.routes:app",
    "corrections": "screening.cli.reports.corrections:app",
    "claims": "screening.cli.reading.claims:app",
    "feedback": "screening.cli.reading.feedback:app",
    "users": "screening.cli.reading.users:app",
    "tokens": "screening.cli.reading.tokens:app",
    "db": "screening.cli.operations.database:app",
    "bench": "screening.cli.operations.bench:bench",
}
"""Each command, or group of commands, and where it is; in the order of the help."""


class LazyGroup(TyperGroup):
    """The commands of `COMMANDS` and of other packages, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the help."""
        del ctx
        return [*COMMANDS, *sorted(_plugins())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its name, None where there is none."""
        del ctx
        found = _found(cmd_name)
        if found is None:
            return None
        holder = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=cmd_name)
        else:
            holder.command(cmd_name)(found)
        return typer.main.get_group(holder).commands[cmd_name]


def _plugins() -> dict[str, EntryPoint]:
    return {plugin.name: plugin for plugin in entry_points(group=PLUGINS)}


def _found(name: str) -> typer.Typer | Callable[..., Any] | None:
    """Import and return a command's function, or a group's application."""
    if name in COMMANDS:
        return EntryPoint(name, COMMANDS[name], PLUGINS).load()  # type: ignore[no-any-return]
    plugin = _plugins().get(name)
    return None if plugin is None else plugin.load()


app = typer.Typer(
    name="screening",
    cls=LazyGroup,
    help="Receive chest radiographs by DICOM, score them, report them, order the worklist.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(screening.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    del version


def run() -> None:
    """Run the command line; errors of this project end it with one line and a status."""
    try:
        app()
    except StartupError as error:
        print(f"screening: {error}", file=sys.stderr)
        sys.exit(NOT_STARTED)
    except ScreeningError as error:
        print(f"screening: {error}", file=sys.stderr)
        sys.exit(FAILED)
