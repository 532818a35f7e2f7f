"""`screening train lung-field`."""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

from pathlib import Path
from typing import Annotated

import typer

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
        bool, typer.Option("--resume", help="Go on after the last finished epoch.")
    ] = False,
) -> None:
    """Train the network that finds the lungs.

    The command also measures it on held-out images. A bundle with it may show its members only the
    crop around the lungs, and refuses images without a plausible lung field.

    Example: screening train lung-field --images cxr/ --masks lung_masks/ --out runs/lung-field
    """
    from training.cli.progress import ConsoleReport
    from training.fit.devices import make_deterministic
    from training.lung_field.measure import Agreement
    from training.lung_field.train import LungFieldRequest, train_lung_field

    request = LungFieldRequest(
        images=images, masks=masks, out=out, epochs=epochs, seed=seed, resume=resume
    )
    make_deterministic()
    with ConsoleReport() as report:
        figures = train_lung_field(request, report)

        def say(what: str, found: Agreement | None) -> None:
            if found:
                report.say(
                    f"{what}: mean {found.mean:.3f}, median {found.median:.3f}, 5 % below "
                    f"{found.fifth_percentile:.3f}, least {found.least:.3f} "
                    f"({found.images} images)"
                )

        say("Dice with masks held out", figures.dice)
        say("overlap with drawn boxes", figures.box_overlap)
        say("share of drawn boxes kept", figures.box_coverage)
        report.say(f"finished: {out}")
