"""`screening up`: every station in one command, supervised, no server to install."""

from pathlib import Path
from typing import Annotated

import typer


def up(
    data_dir: Annotated[
        Path | None, typer.Option(metavar="D", help="Folder that keeps everything.")
    ] = None,
    send: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Send this file or folder by C-STORE; may be repeated."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Stop when all work is done, and print the result.")
    ] = False,
) -> None:
    """Start the whole system; Ctrl-C stops it.

    That is the Storage SCP, a classify worker, a report worker, the worklist page, and STOW-RS
    where SCREENING_STOW_PORT names a port. The next
    start continues where this one stopped. With --once the exit status is 1 if anything failed
    for another reason than a bad file.

    Example: screening up --send xrays/ --once
    """
    from screening.cli.running.up_session import run_up

    if not run_up(data_dir=data_dir, paths=send or [], once=once):
        raise typer.Exit(1)
