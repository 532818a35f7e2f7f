"""`screening train lung-field`."""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.lung_field.measure import Agreement

app = typer.Typer()


@app.command("lung-field")
def lung_field(
    *,
    images: Annotated[
        Path, typer.Option(metavar="DIR", help="Images; manifest.csv names their split groups.")
    ],
    masks: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="PNG masks with the images' stems; boxes.csv where there is one."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder of the run.")] = Path(
        "runs/lung-field"
    ),
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the images.")] = 60,
    seed: Annotated[int, typer.Option(help="Of split, order, changes and weights.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue after the last finished epoch.")
    ] = False,
) -> None:
    """Train the network that finds the lungs.

    The command also measures it on held-out images. A bundle with it may show its members only the
    crop around the lungs, and refuses images without a plausible lung field.

    Example: screening train lung-field --images cxr/ --masks lung_masks/ --out runs/lung-field
    """
    from training.cli.progress import ConsoleReport
    from training.fit.devices import make_deterministic
    from training.lung_field.train import LungFieldRequest, train_lung_field

    request = LungFieldRequest(
        images=images, masks=masks, out=out, epochs=epochs, seed=seed, resume=resume
    )
    make_deterministic()
    with ConsoleReport() as report:
        figures = train_lung_field(request, report)
        for what, found in (
            ("Dice with masks held out", figures.dice),
            ("overlap with drawn boxes", figures.box_overlap),
            ("share of drawn boxes kept", figures.box_coverage),
        ):
            if found:
                report.say(f"{what}: {_in_words(found)}")
        report.say(f"finished: {out}")


def _in_words(found: "Agreement") -> str:
    return (
        f"mean {found.mean:.3f}, median {found.median:.3f}, 5 % below "
        f"{found.fifth_percentile:.3f}, least {found.least:.3f} ({found.images} images)"
    )
