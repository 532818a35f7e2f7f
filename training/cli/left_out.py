"""`screening train evaluate --leave-out-hospital`."""

# ruff: noqa: PLC0415  Keras is loaded only where a network scores

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from screening.bundles.registry import load_bundle
from training.data.manifest import read_manifest
from training.data.splits import Part
from training.evaluation.measurements import LEFT_OUT_NAME, write_beside
from training.left_out.of_runs import evaluate_left_out, has_kept_scores, scored_folds
from training.left_out.tables import left_out_json, print_left_out
from training.runs.held_out_scores import Predictions, TrainedFold, by_image, predicted, read_kept


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutOptions:
    """Options besides the runs.

    out: a folder that the table is written to. bundle: of the same recipe, whose card includes it.
    workers: threads that decode images. cache: keeps those between runs.
    """

    out: Path | None
    bundle: Path | None
    as_json: bool
    workers: int
    cache: Path | None


def tell_left_out(runs: Sequence[Path], data: Path, options: LeftOutOptions) -> None:
    """Print the table of the hospitals that runs left out.

    Raises TrainingError where runs left out no hospital, DataError where the manifest is
    not theirs.
    """
    rows = by_image(read_manifest(data, check_files=False))

    scorer = None

    def predictor(fold: TrainedFold, part: Part) -> Predictions:
        if has_kept_scores(fold, part):
            return read_kept(fold, part)
        nonlocal scorer
        if scorer is None:
            from training.inference.score_files import FileScorer

            scorer = FileScorer(workers=options.workers, cache_dir=options.cache)
        return predicted(fold, part, rows, scorer)

    folds = [scored_folds(run) for run in runs]
    content = left_out_json(found := evaluate_left_out(folds, rows, predictor))
    content["runs"] = [fold.record.identity for each in folds for fold in each]
    if options.bundle:
        content["bundle"] = load_bundle(options.bundle).identity
    for folder in filter(None, (options.out, options.bundle)):
        folder.mkdir(parents=True, exist_ok=True)
        write_beside(folder, LEFT_OUT_NAME, content)
    if options.as_json:
        typer.echo(json.dumps(content, indent=2, allow_nan=False))
    else:
        print_left_out(found)
