"""`screening train probe`, `outlier-check`, `contrast-robustness`, `reference`, `levels`, `card`.

`training.cli.main` joins `app` to its own commands; Keras is loaded only where networks score.
"""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

import json
from pathlib import Path
from typing import Annotated

import typer

from training.cli.options import (
    AsJson,
    BundleFolder,
    Cache,
    DataManifest,
    Runs,
    SplitFrom,
    SplitPart,
    Workers,
)
from training.data.splits import Part

app = typer.Typer()


@app.command()
def probe(
    runs: Runs,
    *,
    data: DataManifest,
    as_json: AsJson = False,
    workers: Workers = 2,
    cache: Cache = None,
) -> None:
    """Measure how much networks reveal of the source.

    A linear probe tells an image's source from the penultimate features, within each class, on
    images outside the training set. The result is kept beside each fold's weights.

    Example: screening train probe runs/before runs/after --data manifest.csv
    """
    from training.cli.bundle_tables import print_probes
    from training.data.manifest import read_manifest
    from training.evaluation.measurements import PROBE_NAME, write_beside
    from training.evaluation.source_probe import probe_json, probe_sources
    from training.inference.score_files import FileScorer
    from training.runs.held_out_scores import by_image, trained_folds

    rows = by_image(read_manifest(data))
    scorer = FileScorer(workers=workers, cache_dir=cache)
    found = []
    for fold in [fold for run in runs for fold in trained_folds(run)]:
        found.append(probe_sources(fold, rows, scorer))
        write_beside(fold.directory, PROBE_NAME, probe_json(found[-1]))
    if as_json:
        typer.echo(json.dumps([probe_json(each) for each in found], indent=2, allow_nan=False))
    else:
        print_probes(found)


@app.command("outlier-check")
def outlier_check(
    bundle: BundleFolder,
    *,
    data: DataManifest,
    split_from: SplitFrom,
    split: SplitPart = None,
    others: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="DICOM files and images that the bundle must refuse."),
    ] = None,
    radiographs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A subfolder of --others whose files the bundle must score."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure which images a bundle refuses.

    It tries held-out radiographs, unchanged and altered, drawn images, and the files of a folder.
    The result is kept beside the bundle's manifest.

    Example: screening train outlier-check bundles/chest-1 --data manifest.csv --split-from runs/a
    """
    from screening.bundles.registry import load_bundle
    from screening.ensemble.ensemble import Ensemble
    from training.cli.bundle_tables import print_outlier_trial
    from training.data.manifest import read_manifest
    from training.evaluation.measurements import OUTLIER_CHECK_NAME, write_beside
    from training.evaluation.of_bundle import held_out_examples
    from training.outliers.trial import measure_outlier_check, trial_json
    from training.runs.held_out_scores import by_image, default_part, trained_folds

    rows = by_image(read_manifest(data))
    folds = [fold for run in split_from for fold in trained_folds(run)]
    part = Part(split) if split else default_part(folds)
    known = [rows[q.pixels_sha256].path for q in held_out_examples(folds, part, rows)]
    ensemble = Ensemble.load(load_bundle(bundle))
    found = measure_outlier_check(ensemble, known, others, radiographs or ())
    write_beside(bundle, OUTLIER_CHECK_NAME, trial_json(found))
    if as_json:
        typer.echo(json.dumps(trial_json(found), indent=2, allow_nan=False))
    else:
        print_outlier_trial(found)


@app.command()
def contrast_robustness(
    bundle: BundleFolder,
    *,
    data: DataManifest,
    split_from: SplitFrom,
    split: SplitPart = None,
    as_json: AsJson = False,
) -> None:
    """Measure how much scores change with contrast.

    It scores held-out images of adults as rendered and at other contrasts. The result is kept
    beside the bundle's manifest.

    Example: screening train contrast-robustness bundles/chest-1 --data m.csv --split-from runs/a
    """
    from screening.bundles.registry import load_bundle
    from screening.ensemble.ensemble import Ensemble
    from training.cli.bundle_tables import print_contrast_robustness
    from training.data.manifest import read_manifest
    from training.evaluation.contrast_robustness import (
        contrast_robustness_json,
        measure_contrast_robustness,
    )
    from training.evaluation.measurements import CONTRAST_ROBUSTNESS_NAME, write_beside
    from training.runs.held_out_scores import by_image, default_part, trained_folds

    rows = by_image(read_manifest(data))
    folds = [fold for run in split_from for fold in trained_folds(run)]
    part = Part(split) if split else default_part(folds)
    found = measure_contrast_robustness(Ensemble.load(load_bundle(bundle)), folds, part, rows)
    write_beside(bundle, CONTRAST_ROBUSTNESS_NAME, contrast_robustness_json(found))
    if as_json:
        typer.echo(json.dumps(contrast_robustness_json(found), indent=2, allow_nan=False))
    else:
        print_contrast_robustness(found)


@app.command()
def reference(
    bundle: BundleFolder,
    *,
    data: DataManifest,
    split_from: SplitFrom = [],  # noqa: B006  typer makes a list of its own for each call
    split: SplitPart = None,
    workers: Workers = 2,
) -> None:
    """Measure what images that a bundle knows look like.

    By this reference the stations tell drift. It scores held-out images of each source; without
    --split-from, every image of the manifest, none of which may have been trained on. The result is
    kept beside the bundle's manifest, as export does of validation images.

    Example: screening train reference bundles/chest-1 --data manifest.csv --split-from runs/a
    """
    from screening.bundles.reference import read_training_levels, write_reference
    from screening.bundles.registry import load_bundle
    from screening.ensemble.ensemble import Ensemble
    from training.console import print_table
    from training.data.manifest import read_manifest
    from training.errors import TrainingError
    from training.evaluation.of_bundle import held_out_examples
    from training.outliers.reference import FEWEST_OF_A_SOURCE, measure_reference
    from training.runs.held_out_scores import by_image, default_part, trained_folds

    rows = read_manifest(data)
    if split_from:
        folds = [fold for run in split_from for fold in trained_folds(run)]
        part = Part(split) if split else default_part(folds)
        found = by_image(rows)
        rows = tuple(found[q.pixels_sha256] for q in held_out_examples(folds, part, found))
    described = load_bundle(bundle)
    sources = measure_reference(Ensemble.load(described), rows, workers=workers)
    if not sources:
        raise TrainingError(
            f"expected at least {FEWEST_OF_A_SOURCE} images of one source that the bundle scores, "
            f"found {len(rows)} images in all and no such source; hold out more"
        )
    path = write_reference(described, sources, read_training_levels(described))
    print_table(
        "images that the bundle knows",
        ("source", "images"),
        [(source.name, source.images) for source in sources],
    )
    typer.echo(f"the reference is in {path}")


@app.command()
def levels(
    bundle: BundleFolder,
    *,
    data: DataManifest,
    split_from: SplitFrom = [],  # noqa: B006  typer makes a list of its own for each call
    workers: Workers = 2,
) -> None:
    """Measure the grey levels of a bundle's training.

    A site's grey-level curve leads to them. It crops images that the runs were trained on; without
    --split-from, images of the manifest from hospitals that the bundle was trained on. The result
    is kept in the reference beside the bundle's manifest, as export does.

    Example: screening train levels bundles/chest-1 --data manifest.csv --split-from runs/a
    """
    from screening.bundles.reference import read_reference, write_reference
    from screening.bundles.registry import load_bundle
    from screening.ensemble.ensemble import Ensemble
    from training.data.manifest import read_manifest
    from training.errors import TrainingError
    from training.release.training_levels import (
        FEWEST_OF_A_HOSPITAL,
        measure_training_levels,
        rows_of_known_hospitals,
        rows_trained_on,
    )
    from training.runs.held_out_scores import by_image, trained_folds

    described, rows = load_bundle(bundle), read_manifest(data)
    sources = read_reference(described)
    if not sources:
        raise TrainingError(
            f"expected what images that {described.identity} knows look like beside its manifest, "
            "found nothing; measure it first with `screening train reference`"
        )
    folds = [fold for run in split_from for fold in trained_folds(run)]
    known = (
        rows_trained_on(folds, by_image(rows))
        if folds
        else rows_of_known_hospitals(described, rows)
    )
    found = measure_training_levels(Ensemble.load(described), known, workers=workers)
    if not found:
        raise TrainingError(
            f"expected at least {FEWEST_OF_A_HOSPITAL} images of one hospital that "
            f"{described.identity} was trained on, found {len(known)} in all; name the training's "
            "manifest with --data"
        )
    path = write_reference(described, sources, found)
    typer.echo(f"the training's grey levels are in {path}")


@app.command()
def card(
    bundle: BundleFolder,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN...]", help="The members' runs, whose source probes the card includes."
        ),
    ] = None,
) -> None:
    """Write a bundle's model card again.

    It includes what was measured since the export.

    Example: screening train card bundles/chest-1 runs/a runs/b
    """
    from screening.bundles.registry import load_bundle
    from training.report.model_card import write_card
    from training.runs.held_out_scores import trained_folds

    folds = [fold for run in runs or () for fold in trained_folds(run)]
    typer.echo(f"the model card is in {write_card(load_bundle(bundle), folds)}")
