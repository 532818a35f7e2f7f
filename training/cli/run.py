"""`screening train list`, `screening train run` and `screening train refit-normal`.

`training.cli.main` joins `app` to its own commands; Keras is loaded when a run begins.
"""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.cli.options import Cache, DataManifest, Workers
from training.cli.run_options import (
    BackboneWeights,
    CacheBelow,
    DataOrPack,
    DevicesName,
    Epochs,
    FineTuneFrom,
    FromBundle,
    ImagesPerEpoch,
    LastPhase,
    LeaveOut,
    LungFieldRun,
    OneFold,
    Patience,
    PrecisionName,
    PreparingWorkers,
    ProtocolName,
    Resume,
    RunFolder,
    Seed,
    StopBy,
    Terms,
)
from training.runs.request import Devices, Precision, RunRequest, parse_terms

if TYPE_CHECKING:
    from training.protocols.protocol import Protocol

app = typer.Typer()


@app.command("list")
def list_protocols() -> None:
    """List the papers' training protocols.

    The list has paper, network, epochs and the paper's figures.

    Example: screening train list
    """
    from training.console import print_table
    from training.protocols.registry import PROTOCOLS

    def figures(protocol: "Protocol") -> str:
        return ", ".join(f"{figure.name} {figure.percent:g}" for figure in protocol.expected)

    print_table(
        "Protocols; epochs are folds x phases x epochs, figures the paper's in percent",
        ("protocol", "paper", "network", "epochs", "figures"),
        (
            (
                protocol.name,
                protocol.paper,
                f"{protocol.architecture} {protocol.height} x {protocol.width}",
                f"{protocol.folds} x {protocol.phases} x {protocol.epochs}",
                figures(protocol),
            )
            for protocol in PROTOCOLS.values()
        ),
    )


@app.command()
def run(
    protocol: ProtocolName,
    *,
    data: DataOrPack,
    fold: OneFold = None,
    phase: LastPhase = None,
    backbone_weights: BackboneWeights = None,
    epochs: Epochs = None,
    images: ImagesPerEpoch = None,
    resume: Resume = False,
    out: RunFolder = None,
    fine_tune_from: FineTuneFrom = None,
    from_bundle: FromBundle = None,
    leave_out: LeaveOut = None,
    stop_by: StopBy = None,
    patience: Patience = 5,
    term: Terms = None,
    cache_below: CacheBelow = None,
    lung_field: LungFieldRun = None,
    seed: Seed = 0,
    precision: PrecisionName = Precision.FLOAT32,
    devices: DevicesName = Devices.ONE,
    workers: PreparingWorkers = 4,
    cache: Cache = None,
) -> None:
    """Train a network by a paper's protocol.

    Example: screening train run khan2020-4class --data manifest.csv --epochs 1
    """
    from training.protocols.registry import find_protocol

    chosen = find_protocol(protocol)
    request = RunRequest(
        data=data,
        out=out or Path("runs") / protocol,
        fold=fold,
        phase=phase,
        epochs=epochs,
        images=images,
        cache_below=cache_below,
        backbone_weights=tuple(backbone_weights or ()),
        fine_tune_from=fine_tune_from,
        bundle=from_bundle,
        lung_field=lung_field,
        leave_out=tuple(leave_out or ()),
        stop_by=tuple(stop_by or ()),
        patience=patience,
        terms=parse_terms(term or ()),
        resume=resume,
        seed=seed,
        precision=precision,
        devices=devices,
        workers=workers,
        cache_dir=cache,
    )
    from training.cli.progress import ConsoleReport
    from training.fit.train_protocol import run_protocol

    with ConsoleReport() as report:
        run_protocol(chosen, request, report)
        report.say(f"finished: {request.out}")


@app.command()
def refit_normal(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    *,
    data: DataManifest,
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder of the new run.")],
    weight: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="Spread over normals of what is added, as a multiple of that of the network's "
            "own log-odds of normal.",
        ),
    ] = 3.0,
    workers: Workers = 2,
    cache: Cache = None,
) -> None:
    """Refit what a network calls normal, within hospitals.

    It takes what sets normals apart from other images of the same hospital, which tells nothing of
    the hospital, and adds it to the last layer. Only training images of the run are used, of
    hospitals that have both.

    Example: screening train refit-normal runs/coronet --data manifest.csv --out runs/coronet-refit
    """
    from training.data.manifest import read_manifest
    from training.fit.refit_normal import RefitRequest, refit_normal
    from training.inference.score_files import FileScorer
    from training.runs.held_out_scores import by_image

    request = RefitRequest(run=run, rows=by_image(read_manifest(data)), out=out, weight=weight)
    refit_normal(request, FileScorer(workers=workers, cache_dir=cache), typer.echo)
    typer.echo(f"finished: {out}")
