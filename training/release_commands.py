"""`screening train evaluate`, `report` and `export`: from finished runs to a released bundle.

`training.commands` joins `app` to its own commands; Keras is loaded only where networks answer.
"""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.splits import Part

if TYPE_CHECKING:
    from training.answering import Answering
    from training.data_manifest import ImageRow
    from training.evaluate_runs import Ask

app = typer.Typer()

Runs = Annotated[
    list[Path],
    typer.Argument(metavar="RUN...", help="Folders of runs, or RUN/fold-K for one fold of a run."),
]


class HeldOutPart(StrEnum):
    """Parts of a split that are not trained on."""

    TEST = "test"
    VALIDATION = "validation"


SplitPart = Annotated[
    HeldOutPart | None,
    typer.Option(help="Which part.", show_default="test where the runs have one, else validation"),
]


@app.command()
def report(
    runs: Runs,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="The page.")],
    split: SplitPart = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Also report the runs together as one classifier.")
    ] = False,
) -> None:
    """Write one self-contained page on runs that were evaluated, in the papers' own tables.

    Example: screening train report runs/khan2020-4class --out report.html
    """
    from training.evaluate_runs import evaluate_runs
    from training.predictions import default_part, read_predictions, trained_folds
    from training.report import write_report

    trained = [trained_folds(run) for run in runs]
    part = Part(split) if split else default_part([fold for folds in trained for fold in folds])
    write_report(out, evaluate_runs(trained, part, read_predictions, together=ensemble))
    typer.echo(f"the report is in {out}")


@app.command()
def evaluate(
    runs: Runs,
    *,
    data: Annotated[Path, typer.Option(metavar="MANIFEST", help="The runs' data manifest.")],
    split: SplitPart = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Only images of this source; repeatable.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write JSON, confusion matrices and curves.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: fractions.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode images.")] = 2,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep decoded pictures here between runs.")
    ] = None,
) -> None:
    """Evaluate trained runs on images they held out; several runs also as an ensemble.

    Example: screening train evaluate runs/khan2020-4class --data manifest.csv
    """
    from training.answering import Answering
    from training.data_manifest import read_manifest
    from training.evaluate_runs import evaluate_runs
    from training.evaluation_files import evaluation_json, print_evaluation, write_evaluation
    from training.predictions import by_picture, default_part, trained_folds

    trained = [trained_folds(run) for run in runs]
    part = Part(split) if split else default_part([fold for folds in trained for fold in folds])
    rows = by_picture(read_manifest(data))
    ask = _asking(rows, Answering(workers=workers, cache_dir=cache))
    found = evaluate_runs(
        trained, part, ask, sources=frozenset(source or ()), together=len(trained) > 1
    )
    if out:
        write_evaluation(out, found)
    if as_json:
        typer.echo(json.dumps(evaluation_json(found), indent=2, allow_nan=False))
    else:
        print_evaluation(found)


def _asking(rows: "Mapping[str, ImageRow]", answering: "Answering") -> "Ask":
    from training.predictions import Predictions, TrainedFold, predicted

    def ask(fold: TrainedFold, part: Part) -> Predictions:
        return predicted(fold, part, rows, answering)

    return ask


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
    data: Annotated[Path, typer.Option(metavar="MANIFEST", help="The runs' data manifest.")],
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
    picture_check: Annotated[
        bool, typer.Option(help="Fit what refuses pictures unlike the training pictures.")
    ] = True,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode images.")] = 2,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep decoded pictures here between runs.")
    ] = None,
) -> None:
    """Release runs as a bundle: calibrates, combines and chooses thresholds on validation data.

    Example: screening train export runs/a runs/b --name chest --version 1 --data manifest.csv
    """
    from training.answering import Answering
    from training.data_manifest import read_manifest
    from training.export import ExportRequest, export_bundle
    from training.predictions import by_picture

    rows = read_manifest(data)
    answering = Answering(workers=workers, cache_dir=cache)
    request = ExportRequest(
        runs=runs,
        name=name,
        version=version,
        rows=rows,
        out=out or Path("bundles") / f"{name}-{version}",
        precision=precision.value if precision else None,
        most_bytes=int(most_megabytes * 1_000_000),
        picture_check=picture_check,
    )
    bundle = export_bundle(request, _asking(by_picture(rows), answering), answering)
    typer.echo(f"{bundle.identity} is in {bundle.directory}")
