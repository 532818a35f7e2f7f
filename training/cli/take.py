"""`screening train take`."""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def take(
    brought: Annotated[
        Path, typer.Argument(metavar="DIR", help="What the machine with the GPU wrote.")
    ],
    *,
    pack: Annotated[Path, typer.Option(metavar="PACK", help="The pack it trained on.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of runs.")] = Path("runs"),
) -> None:
    """Import runs that another machine trained.

    That is, runs of `python -m training.accelerator`, for evaluate, report and export.

    Example: screening train take brought/ --pack pack --out runs
    """
    from training.accelerator.take import take_runs

    for name, has_weights in take_runs(brought, pack, out).items():
        told = "with its weights" if has_weights else "its scores alone"
        typer.echo(f"{out / name}: {told}")
