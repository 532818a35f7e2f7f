"""`screening train probe`, `picture-check`, `tones` and `card`: what is measured.

`training.cli.main` joins `app` to its own commands; Keras is loaded only where networks answer.
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
    """Measure how well a picture's source can be told from what networks make of it.

    Within each class, on pictures that were not trained on; kept beside each fold's weights.

    Example: screening train probe runs/before runs/after --data manifest.csv
    """
    from training.cli.bundle_tables import print_probes
    from training.data.manifest import read_manifest
    from training.evaluation.measurements import PROBE_NAME, write_beside
    from training.evaluation.source_probe import probe_json, probe_sources
    from training.inference.score_files import Answering
    from training.runs.held_out_scores import by_picture, trained_folds

    rows = by_picture(read_manifest(data))
    answering = Answering(workers=workers, cache_dir=cache)
    found = []
    for fold in [fold for run in runs for fold in trained_folds(run)]:
        found.append(probe_sources(fold, rows, answering))
        write_beside(fold.directory, PROBE_NAME, probe_json(found[-1]))
    if as_json:
        typer.echo(json.dumps([probe_json(each) for each in found], indent=2, allow_nan=False))
    else:
        print_probes(found)


@app.command("picture-check")
def picture_check(
    bundle: BundleFolder,
    *,
    data: DataManifest,
    split_from: SplitFrom,
    split: SplitPart = None,
    others: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="DICOM files and pictures that must not be scored."),
    ] = None,
    radiographs: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A subfolder of --others whose files must be scored."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure which pictures a bundle refuses: held-out radiographs as they are and changed, ...

    ... drawn pictures, and the files of a folder. Kept beside the bundle's manifest.

    Example: screening train picture-check bundles/chest-1 --data manifest.csv --split-from runs/a
    """
    from screening.bundles.registry import load_bundle
    from screening.ensemble.ensemble import Ensemble
    from training.cli.bundle_tables import print_trial
    from training.data.manifest import read_manifest
    from training.evaluation.measurements import TRIAL_NAME, write_beside
    from training.evaluation.of_bundle import held_out_questions
    from training.outliers.trial import trial_json, try_picture_check
    from training.runs.held_out_scores import by_picture, default_part, trained_folds

    rows = by_picture(read_manifest(data))
    folds = [fold for run in split_from for fold in trained_folds(run)]
    part = Part(split) if split else default_part(folds)
    known = [rows[q.pixels_sha256].path for q in held_out_questions(folds, part, rows)]
    ensemble = Ensemble.load(load_bundle(bundle))
    found = try_picture_check(ensemble, known, others, radiographs or ())
    write_beside(bundle, TRIAL_NAME, trial_json(found))
    if as_json:
        typer.echo(json.dumps(trial_json(found), indent=2, allow_nan=False))
    else:
        print_trial(found)


@app.command()
def tones(
    bundle: BundleFolder,
    *,
    data: DataManifest,
    split_from: SplitFrom,
    split: SplitPart = None,
    as_json: AsJson = False,
) -> None:
    """Measure how much a bundle's answers depend on how black and how white pictures are.

    On held-out adults, shown as they are and in other tones. Kept beside the bundle's manifest.

    Example: screening train tones bundles/chest-1 --data manifest.csv --split-from runs/a
    """
    from screening.bundles.registry import load_bundle
    from screening.ensemble.ensemble import Ensemble
    from training.cli.bundle_tables import print_tones
    from training.data.manifest import read_manifest
    from training.evaluation.contrast_robustness import tone_trial_json, try_tones
    from training.evaluation.measurements import TONES_NAME, write_beside
    from training.runs.held_out_scores import by_picture, default_part, trained_folds

    rows = by_picture(read_manifest(data))
    folds = [fold for run in split_from for fold in trained_folds(run)]
    part = Part(split) if split else default_part(folds)
    found = try_tones(Ensemble.load(load_bundle(bundle)), folds, part, rows)
    write_beside(bundle, TONES_NAME, tone_trial_json(found))
    if as_json:
        typer.echo(json.dumps(tone_trial_json(found), indent=2, allow_nan=False))
    else:
        print_tones(found)


@app.command()
def card(
    bundle: BundleFolder,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN...]", help="The members' runs, whose probes are told."),
    ] = None,
) -> None:
    """Write a bundle's model card again, with what was measured since the export.

    Example: screening train card bundles/chest-1 runs/a runs/b
    """
    from screening.bundles.registry import load_bundle
    from training.report.model_card import write_card
    from training.runs.held_out_scores import trained_folds

    folds = [fold for run in runs or () for fold in trained_folds(run)]
    typer.echo(f"the model card is in {write_card(load_bundle(bundle), folds)}")
