"""`screening train list` and `screening train run`.

`training.cli.main` joins `app` to its own commands; Keras is loaded when a run begins.
"""

# ruff: noqa: PLC0415  heavy imports wait until a command runs

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.runs.request import Devices, Precision, RunRequest, parse_terms

if TYPE_CHECKING:
    from training.protocols.protocol import Protocol

app = typer.Typer()


@app.command("list")
def list_protocols() -> None:
    """List the protocols: paper, network, epochs and the paper's figures.

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
    protocol: Annotated[str, typer.Argument(help="A name from `screening train list`.")],
    *,
    data: Annotated[
        Path, typer.Option(metavar="MANIFEST", help="The data manifest, or a pack of crops.")
    ],
    fold: Annotated[int | None, typer.Option(help="Only this fold, from 1.")] = None,
    phase: Annotated[int | None, typer.Option(help="Stop after this phase, from 1.")] = None,
    backbone_weights: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="ImageNet weights: .h5, .npz or .keras; repeatable."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs of each phase, instead of the paper's.")
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(min=2, help="Images of an epoch, where it draws, instead of the protocol's."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after the last finished epoch.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Folder of the run.", show_default="runs/PROTOCOL"),
    ] = None,
    fine_tune_from: Annotated[
        Path | None, typer.Option("--from", metavar="RUN", help="Run to fine-tune.")
    ] = None,
    from_bundle: Annotated[
        Path | None,
        typer.Option(metavar="BUNDLE", help="Bundle whose member of this network goes on."),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(metavar="HOSPITAL", help="Test on it, or a source, alone; repeatable."),
    ] = None,
    stop_by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOSPITAL",
            help="Leave it out, too, and stop by it; its figures then flatter. Repeatable.",
        ),
    ] = None,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs without a gain at --stop-by before it stops.")
    ] = 5,
    term: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=WEIGHT",
            help="What else counts: findings, adversary, contrast, variance, worst, or how much "
            "classes do; repeatable.",
        ),
    ] = None,
    cache_below: Annotated[
        int | None,
        typer.Option(
            metavar="BLOCK",
            help="Keep the answers of Xception's blocks below this one; only the others learn.",
        ),
    ] = None,
    lung_field: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Lung-field network, where the protocol sees its field."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of splits, order, augmentation and weights.")] = 0,
    precision: Annotated[
        Precision, typer.Option(help="mixed_bfloat16 is faster on recent GPUs.")
    ] = Precision.FLOAT32,
    devices: Annotated[
        Devices, typer.Option(help="One GPU or the CPU, or all GPUs.")
    ] = Devices.ONE,
    workers: Annotated[int, typer.Option(min=1, help="Threads that prepare images.")] = 4,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep decoded pictures here between runs.")
    ] = None,
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
