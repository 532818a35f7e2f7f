"""`screening bench`: measures this system beside its peers. The suite lies in tests/benchmarks."""

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer

import screening
from screening.cli.exit_statuses import FAILED
from screening.errors import StartupError

SUITE = "tests.benchmarks.command"


def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Some alone; see --list.")] = None,
    *,
    names_only: Annotated[bool, typer.Option("--list", help="List the benchmarks.")] = False,
    short: Annotated[
        bool, typer.Option("--short", help="Check the output alone, with little work.")
    ] = False,
    size: Annotated[
        list[str] | None,
        typer.Option(help="Another amount, such as images=48, studies=10000 or rounds=3."),
    ] = None,
    to: Annotated[Path, typer.Option(help="Folder for results.json and index.html.")] = Path(
        "screening-bench"
    ),
    results: Annotated[
        Path | None, typer.Option(help="Show an earlier results.json, measure nothing.")
    ] = None,
    plan: Annotated[
        int | None,
        typer.Option(min=1, help="Say what so many images a day need; measure nothing."),
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Write the table of docs/benchmarks.md.")
    ] = False,
) -> None:
    """Measure this system beside its peers.

    Every benchmark checks its output; the exit status is 1 where one was wrong. A figure that falls
    short of its bar is printed and is no failure. Peers that are not installed are left out and
    named. It needs a checkout of the repository, as `make up` does.

    Example: screening bench intake start-up
    """
    root = Path(screening.__file__).parents[1]
    if not (root / SUITE.replace(".", "/")).with_suffix(".py").is_file():
        raise StartupError(
            f"expected the benchmarks in {root / 'tests' / 'benchmarks'}, found none; run this in "
            "a checkout of the repository: make bench"
        )
    sys.path.insert(0, str(root))
    suite = importlib.import_module(SUITE)
    asked = suite.Asked(
        names=tuple(names or ()),
        is_short=short,
        sizes=tuple(size or ()),
        folder=to,
        earlier=results,
        publishes=publish,
    )
    if names_only:
        suite.print_names()
    elif plan:
        suite.print_plan(plan, results)
    elif not suite.run(asked):
        raise typer.Exit(FAILED)
