"""`screening phantom`: synthetic chest radiographs to demonstrate with."""

from pathlib import Path
from typing import Annotated

import typer


def phantom(
    directory: Annotated[Path, typer.Argument(help="Where to write them.")],
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = 0,
) -> None:
    """Write synthetic chest radiographs: DX and CR, several encodings, nobody's picture.

    Example: screening phantom phantoms/ --count 20
    """
    from screening.imaging.phantom import write_phantoms

    written = write_phantoms(directory, count, seed)
    print(
        f"{len(written)} phantoms in {directory}; send them: "
        f"screening send {directory} --to localhost:11112 --aet SCREENING"
    )
