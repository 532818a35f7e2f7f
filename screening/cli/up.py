"""`screening up`: every station in one command, supervised, no server to install."""

from pathlib import Path
from typing import Annotated

import typer


def up(
    data_dir: Annotated[
        Path | None, typer.Option(metavar="D", help="Where everything is kept.")
    ] = None,
    send: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="C-STORE this file or folder; may be repeated."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End when all work is done; print the result.")
    ] = False,
) -> None:
    """Start the SCP, the classify and report workers and the worklist page; Ctrl-C stops them.

    A second start goes on where the first was. With --once the exit status is 1 if anything
    failed that is not the fault of a bad file.

    Example: screening up --send xrays/ --once
    """
    from screening.cli.up_session import run_up

    if not run_up(data_dir=data_dir, paths=send or [], once=once):
        raise typer.Exit(1)
