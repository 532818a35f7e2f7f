"""`screening train evaluate`: the figures of runs, of the hospitals they left out, or of a bundle.

`training.cli.main` joins `app` to its own commands; Keras is loaded only where networks score.
"""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.cli.options import (
    AsJson,
    Cache,
    DataManifest,
    HeldOutPart,
    SplitFrom,
    SplitPart,
    Workers,
)
from training.data.splits import Part

if TYPE_CHECKING:
    from training.data.manifest import ImageRow
    from training.evaluation.of_runs import Predictor
    from training.inference.score_files import FileScorer

app = typer.Typer()


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
            help="Evaluate on the hospitals that the runs left out: each, then their mean; with "
            "--bundle also kept beside its manifest.",
        ),
    ] = False,
    test_time_augmentation: Annotated[
        bool,
        typer.Option(
            "--test-time-augmentation",
            help="With --bundle: what each view brings at hospitals of the manifest that the "
            "bundle never saw, and what it costs.",
        ),
    ] = False,
    site_levels: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="With --bundle: what a grey-level curve of N unlabelled images brings each "
            "hospital of the manifest that the bundle never saw; also kept beside its manifest, "
            "for card and report.",
        ),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="With --test-time-augmentation or --site-levels: at most N images of each "
            "hospital and label.",
        ),
    ] = None,
    as_json: AsJson = False,
    workers: Workers = 2,
    cache: Cache = None,
) -> None:
    """Measure runs on the images that they held out.

    Several runs are measured as an ensemble, too. With --bundle, it measures a bundle against the
    targets of a release, and keeps the result beside the manifest. With --leave-out-hospital, it
    measures runs on the hospitals that they left out; runs that left out the same hospitals count
    as one ensemble. With --bundle and --test-time-augmentation, it measures each view of the bundle
    alone and together at hospitals that the bundle never saw; with --site-levels, it measures
    these hospitals without and with a grey-level curve of their own.

    Example: screening train evaluate runs/khan2020-4class --data manifest.csv
    screening train evaluate --bundle bundles/chest-1 --split-from runs/a --data manifest.csv
    screening train evaluate --bundle bundles/chest-1 --site-levels 100 --data manifest.csv
    screening train evaluate runs/a runs/b --leave-out-hospital --data manifest.csv
    """
    options = ScoringOptions(as_json, workers, cache)
    if leave_out_hospital:
        from training.cli.left_out import LeftOutOptions, tell_left_out

        tell_left_out(_named(runs), data, LeftOutOptions(out=out, bundle=bundle, **asdict(options)))
    elif bundle and test_time_augmentation:
        from training.cli.never_seen import tell_augmentation_cost

        tell_augmentation_cost(bundle, data, most=most, out=out, as_json=as_json)
    elif bundle and site_levels:
        from training.cli.never_seen import tell_site_levels

        tell_site_levels(bundle, data, images=site_levels, most=most, out=out, as_json=as_json)
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
    predictor = predictor_of(rows, FileScorer(workers=options.workers, cache_dir=options.cache))
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


def predictor_of(rows: "Mapping[str, ImageRow]", scorer: "FileScorer") -> "Predictor":
    """Return what reads a fold's scores of the images that it held out, or makes them."""
    from training.runs.held_out_scores import Predictions, TrainedFold, classified, predicted

    def predictor(fold: TrainedFold, part: Part) -> Predictions:
        return classified(predicted(fold, part, rows, scorer))

    return predictor
