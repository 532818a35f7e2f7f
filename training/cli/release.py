"""`screening train evaluate`, `report` and `export`: from finished runs to a released bundle.

`training.cli.main` joins `app` to its own commands; Keras is loaded only where networks score.
"""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.cli.options import (
    AsJson,
    Cache,
    DataManifest,
    HeldOutPart,
    Runs,
    SplitFrom,
    SplitPart,
    Workers,
)
from training.data.splits import Part
from training.report.image_sheet import SheetImages

if TYPE_CHECKING:
    from training.data.manifest import ImageRow
    from training.evaluation.of_runs import Predictor
    from training.inference.score_files import FileScorer
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
        typer.Option(metavar="BUNDLE", help="Also tell what was measured of this bundle."),
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


@app.command()
def evaluate(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN...]", help="Folders of runs, or RUN/fold-K for one fold."),
    ] = None,
    *,
    data: DataManifest,
    split: SplitPart = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="BUNDLE", help="Evaluate this bundle in place of runs."),
    ] = None,
    split_from: SplitFrom = [],  # noqa: B006  typer makes a list of its own for each call
    source: Annotated[
        list[str] | None, typer.Option(help="Only images of this source; repeatable.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write JSON, confusion matrices and curves.")
    ] = None,
    leave_out_hospital: Annotated[
        bool,
        typer.Option(
            "--leave-out-hospital",
            help="Tell the hospitals that the runs left out, each alone, then their mean; with "
            "--bundle also kept beside its manifest.",
        ),
    ] = False,
    as_json: AsJson = False,
    workers: Workers = 2,
    cache: Cache = None,
) -> None:
    """Measure runs on the images that they held out.

    Several runs are measured as an ensemble, too. With --bundle, it measures a bundle against the
    targets of a release, and keeps the result beside the manifest. With --leave-out-hospital, it
    measures runs on the hospitals that they left out; runs that left out the same hospitals count
    as one ensemble.

    Example: screening train evaluate runs/khan2020-4class --data manifest.csv
    screening train evaluate --bundle bundles/chest-1 --split-from runs/a --data manifest.csv
    screening train evaluate runs/a runs/b --leave-out-hospital --data manifest.csv
    """
    options = ScoringOptions(as_json, workers, cache)
    if leave_out_hospital:
        from training.cli.left_out import LeftOutOptions, tell_left_out

        tell_left_out(_named(runs), data, LeftOutOptions(out=out, bundle=bundle, **asdict(options)))
    elif bundle:
        _evaluate_bundle(bundle, split_from, split, data, options)
    else:
        _evaluate_runs(_named(runs), frozenset(source or ()), split, data, options, out=out)


def _evaluate_runs(
    runs: list[Path],
    sources: frozenset[str],
    split: HeldOutPart | None,
    data: Path,
    options: "ScoringOptions",
    *,
    out: Path | None,
) -> None:
    from training.data.manifest import read_manifest
    from training.evaluation.files import evaluation_json, print_evaluation, write_evaluation
    from training.evaluation.of_runs import evaluate_runs
    from training.inference.score_files import FileScorer
    from training.runs.held_out_scores import by_image, default_part, trained_folds

    trained = [trained_folds(run) for run in runs]
    part = Part(split) if split else default_part([fold for folds in trained for fold in folds])
    rows = by_image(read_manifest(data))
    predictor = _predictor(rows, FileScorer(workers=options.workers, cache_dir=options.cache))
    found = evaluate_runs(trained, part, predictor, sources=sources, together=len(trained) > 1)
    if out:
        write_evaluation(out, found)
    if options.as_json:
        typer.echo(json.dumps(evaluation_json(found), indent=2, allow_nan=False))
    else:
        print_evaluation(found)


def _named(runs: list[Path] | None) -> list[Path]:
    if not runs:
        raise typer.BadParameter("expected RUN... or --bundle BUNDLE, found neither")
    return runs


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """How a command decodes images and prints what it found."""

    as_json: bool
    workers: int
    cache: Path | None


def _evaluate_bundle(
    directory: Path,
    split_from: list[Path],
    split: HeldOutPart | None,
    data: Path,
    options: ScoringOptions,
) -> None:
    from screening.bundles.registry import load_bundle
    from screening.ensemble.ensemble import Ensemble
    from training.cli.bundle_tables import print_bundle_evaluation
    from training.data.manifest import read_manifest
    from training.evaluation.measurements import EVALUATION_NAME, write_beside
    from training.evaluation.of_bundle import bundle_evaluation_json, evaluate_bundle
    from training.runs.held_out_scores import by_image, default_part, trained_folds

    if not split_from:
        raise typer.BadParameter("expected --split-from RUN with --bundle, found none")
    if options.cache:
        raise typer.BadParameter("--cache is for runs: a bundle decodes as the stations do, anew")
    folds = [fold for run in split_from for fold in trained_folds(run)]
    part = Part(split) if split else default_part(folds)
    rows = by_image(read_manifest(data))
    ensemble = Ensemble.load(load_bundle(directory))
    found = evaluate_bundle(ensemble, folds, part, rows, workers=options.workers)
    content = bundle_evaluation_json(found)
    write_beside(directory, EVALUATION_NAME, content)
    if options.as_json:
        typer.echo(json.dumps(content, indent=2, allow_nan=False))
    else:
        print_bundle_evaluation(found)


def _predictor(rows: "Mapping[str, ImageRow]", scorer: "FileScorer") -> "Predictor":
    from training.runs.held_out_scores import Predictions, TrainedFold, classified, predicted

    def predictor(fold: TrainedFold, part: Part) -> Predictions:
        return classified(predicted(fold, part, rows, scorer))

    return predictor


class StoredPrecision(StrEnum):
    """How a bundle stores kernels; biases and batch normalisation stay float32."""

    INT8 = "int8"
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
    ] = 100,
    outlier_check: Annotated[
        bool, typer.Option(help="Fit what refuses images unlike the training images.")
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
    bundle = export_bundle(request, _predictor(by_image(rows), scorer), scorer)
    typer.echo(f"{bundle.identity} is in {bundle.directory}")
