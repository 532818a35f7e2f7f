"""`screening train report` and `export`: from finished runs to a released bundle.

`training.cli.main` joins `app` to its own commands; Keras is loaded only where networks score.
"""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.cli.evaluate import predictor_of
from training.cli.options import (
    Cache,
    DataManifest,
    Runs,
    SplitPart,
    Workers,
)
from training.data.splits import Part
from training.report.image_sheet import SheetImages

if TYPE_CHECKING:
    from training.report.image_sheet import Sheet
    from training.runs.held_out_scores import Predictions, TrainedFold

app = typer.Typer()


@app.command()
def report(
    runs: Runs,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="The page.")],
    split: SplitPart = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Also report the runs together as one classifier.")
    ] = False,
    images: Annotated[
        SheetImages,
        typer.Option(
            help="What the Grad-CAM sheet shows: synthetic phantoms, or the data sets' held-out "
            "images, which many licences let nobody pass on."
        ),
    ] = SheetImages.PHANTOMS,
    data: Annotated[
        Path | None,
        typer.Option(metavar="MANIFEST", help="The runs' data manifest, for --images test."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="BUNDLE", help="Include what was measured of this bundle."),
    ] = None,
) -> None:
    """Write one page about evaluated runs.

    It is self-contained and uses the papers' own tables.

    Example: screening train report runs/khan2020-4class --out report.html
    """
    from training.evaluation.of_runs import evaluate_runs
    from training.report.page import ReportExtras, write_report
    from training.runs.held_out_scores import default_part, trained_folds

    trained = [trained_folds(run) for run in runs]
    part = Part(split) if split else default_part([fold for folds in trained for fold in folds])
    found = evaluate_runs(trained, part, _kept_scores, together=ensemble)
    sheets = _sheets([folds[0] for folds in trained], part, images, data)
    write_report(out, found, ReportExtras(sheets, bundle))
    typer.echo(f"the report is in {out}")


def _kept_scores(fold: "TrainedFold", part: Part) -> "Predictions":
    from training.runs.held_out_scores import classified, read_predictions

    return classified(read_predictions(fold, part))


def _sheets(
    folds: "list[TrainedFold]", part: Part, images: SheetImages, data: Path | None
) -> "list[Sheet]":
    """Return the sheet of each run's first fold."""
    if images is SheetImages.NONE:
        return []
    from training.data.manifest import read_manifest
    from training.inference.score_files import FileScorer
    from training.report.grad_cam_sheet import held_out_sheet, phantom_sheet
    from training.runs.held_out_scores import by_image

    if images is SheetImages.PHANTOMS:
        return [phantom_sheet(fold, FileScorer()) for fold in folds]
    if data is None:
        raise typer.BadParameter("expected --data MANIFEST with --images test, found none")
    rows = by_image(read_manifest(data))
    return [held_out_sheet(each, _kept_scores(each, part), rows, FileScorer()) for each in folds]


class StoredPrecision(StrEnum):
    """How a bundle stores kernels; biases and batch normalisation stay float32."""

    INT7 = "int7"
    INT8 = "int8"
    INT9 = "int9"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


@app.command()
def export(
    runs: Runs,
    *,
    name: Annotated[str, typer.Option(help="Of the bundle.")],
    version: Annotated[str, typer.Option(help="Of the bundle.")],
    data: DataManifest,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The bundle's own folder.", show_default="bundles/NAME-VERSION"
        ),
    ] = None,
    precision: Annotated[
        StoredPrecision | None,
        typer.Option(
            help="How weights are stored.", show_default="each member's smallest that keeps parity"
        ),
    ] = None,
    most_megabytes: Annotated[
        float, typer.Option(min=1, help="Largest size of the bundle, in 1,000,000 bytes.")
    ] = 80,
    outlier_check: Annotated[
        bool,
        typer.Option(
            help="Fit the outlier check, which refuses images unlike the training images."
        ),
    ] = True,
    workers: Workers = 2,
    cache: Cache = None,
) -> None:
    """Release runs as a bundle.

    It calibrates, combines and chooses thresholds on validation data.

    Example: screening train export runs/a runs/b --name chest --version 1 --data manifest.csv
    """
    from training.data.manifest import read_manifest
    from training.inference.score_files import FileScorer
    from training.release.export import ExportRequest, export_bundle
    from training.runs.held_out_scores import by_image

    rows = read_manifest(data)
    scorer = FileScorer(workers=workers, cache_dir=cache)
    request = ExportRequest(
        runs=runs,
        name=name,
        version=version,
        rows=rows,
        out=out or Path("bundles") / f"{name}-{version}",
        precision=precision.value if precision else None,
        most_bytes=int(most_megabytes * 1_000_000),
        outlier_check=outlier_check,
    )
    bundle = export_bundle(request, predictor_of(by_image(rows), scorer), scorer)
    typer.echo(f"{bundle.identity} is in {bundle.directory}")
