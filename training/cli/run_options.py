"""Options of `screening train run`, each with its text."""

from pathlib import Path
from typing import Annotated

import typer

from training.runs.request import Devices, Precision

ProtocolName = Annotated[str, typer.Argument(help="A name from `screening train list`.")]
DataOrPack = Annotated[
    Path, typer.Option(metavar="MANIFEST", help="The data manifest, or a pack of crops.")
]
OneFold = Annotated[int | None, typer.Option(help="Only this fold, from 1.")]
LastPhase = Annotated[int | None, typer.Option(help="Stop after this phase, from 1.")]
BackboneWeights = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="ImageNet weights: .h5, .npz or .keras; repeatable."),
]
Epochs = Annotated[int | None, typer.Option(help="Epochs of each phase, instead of the paper's.")]
ImagesPerEpoch = Annotated[
    int | None,
    typer.Option(min=2, help="Images of an epoch, where it draws, instead of the protocol's."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch.")]
RunFolder = Annotated[
    Path | None,
    typer.Option(metavar="RUN", help="Folder of the run.", show_default="runs/PROTOCOL"),
]
FineTuneFrom = Annotated[
    Path | None, typer.Option("--from", metavar="RUN", help="Run to fine-tune.")
]
FromBundle = Annotated[
    Path | None,
    typer.Option(metavar="BUNDLE", help="Bundle whose member of this network goes on."),
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(metavar="HOSPITAL", help="Test on it, or a source, alone; repeatable."),
]
StopBy = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOSPITAL",
        help="Leave it out, too, and stop by it; its figures then flatter. Repeatable.",
    ),
]
Patience = Annotated[
    int, typer.Option(min=1, help="Epochs without a gain at --stop-by before it stops.")
]
Terms = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=WEIGHT",
        help="What else counts: findings, adversary, contrast, variance, worst, or how much "
        "classes do; repeatable.",
    ),
]
CacheBelow = Annotated[
    int | None,
    typer.Option(
        metavar="BLOCK",
        help="Keep the scores of Xception's blocks below this one; only the others learn.",
    ),
]
LungFieldRun = Annotated[
    Path | None,
    typer.Option(metavar="RUN", help="Lung-field network, where the protocol sees its field."),
]
Seed = Annotated[int, typer.Option(help="Of splits, order, augmentation and weights.")]
PrecisionName = Annotated[Precision, typer.Option(help="mixed_bfloat16 is faster on recent GPUs.")]
DevicesName = Annotated[Devices, typer.Option(help="One GPU or the CPU, or all GPUs.")]
PreparingWorkers = Annotated[int, typer.Option(min=1, help="Threads that prepare images.")]
