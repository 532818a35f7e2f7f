"""Arguments and options that several of `screening train`'s commands take."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class HeldOutPart(StrEnum):
    """Parts of a split that are not trained on."""

    TEST = "test"
    VALIDATION = "validation"


Runs = Annotated[
    list[Path],
    typer.Argument(metavar="RUN...", help="Folders of runs, or RUN/fold-K for one fold of a run."),
]
BundleFolder = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's own folder.")]
DataManifest = Annotated[
    Path, typer.Option("--data", metavar="MANIFEST", help="The runs' data manifest.")
]
SplitPart = Annotated[
    HeldOutPart | None,
    typer.Option(help="Which part.", show_default="test where the runs have one, else validation"),
]
SplitFrom = Annotated[
    list[Path],
    typer.Option(
        metavar="RUN",
        help="A run that a member of the bundle came from: images it holds out; repeatable.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: fractions.")]
Workers = Annotated[int, typer.Option(min=1, help="Threads that decode images.")]
Cache = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Keep decoded images here between runs.")
]
