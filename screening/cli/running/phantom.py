"""`screening phantom`: synthetic chest radiographs to demonstrate with."""

from pathlib import Path
from typing import Annotated

import typer


def phantom(
    directory: Annotated[Path, typer.Argument(help="Folder to write to.")],
    count: Annotated[int, typer.Option(min=1, help="How many to write.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal files.")] = 0,
) -> None:
    """Write synthetic chest radiographs.

    They are DX and CR objects in several encodings, of no real patient.

    Example: screening phantom phantoms/ --count 20
    """
    from screening.imaging.phantoms.phantom import write_phantoms

    written = write_phantoms(directory, count, seed)
    print(
        f"{len(written)} phantoms are in {directory}; send them with: "
        f"screening send {directory} --to localhost:11112 --aet SCREENING"
    )
