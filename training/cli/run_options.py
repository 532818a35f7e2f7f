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
    typer.Option(min=2, help="Images drawn for each epoch, instead of the protocol's number."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue after the last finished epoch.")]
RunFolder = Annotated[
    Path | None,
    typer.Option(metavar="RUN", help="Folder of the run.", show_default="runs/PROTOCOL"),
]
FineTuneFrom = Annotated[
    Path | None, typer.Option("--from", metavar="RUN", help="Run to fine-tune.")
]
FromBundle = Annotated[
    Path | None,
    typer.Option(metavar="BUNDLE", help="Bundle; training starts from its member of this network."),
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOSPITAL",
        help="Hospital, or source, to leave out of training and test on; repeatable.",
    ),
]
StopBy = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOSPITAL",
        help="Also leave this hospital out, and stop early by it; its own figures are then biased. "
        "Repeatable.",
    ),
]
Patience = Annotated[
    int, typer.Option(min=1, help="Epochs without a gain on --stop-by before training stops.")
]
Terms = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=WEIGHT",
        help="Weight of a loss term: findings, adversary, contrast, variance, worst, matched or "
        "classes; repeatable.",
    ),
]
CacheBelow = Annotated[
    int | None,
    typer.Option(
        metavar="BLOCK",
        help="Cache the features of Xception's blocks below this one; only the others learn.",
    ),
]
LungFieldRun = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="Run of the lung-field network, for protocols whose input is the lung field.",
    ),
]
Seed = Annotated[int, typer.Option(help="Of splits, order, augmentation and weights.")]
PrecisionName = Annotated[Precision, typer.Option(help="mixed_bfloat16 is faster on recent GPUs.")]
DevicesName = Annotated[Devices, typer.Option(help="One GPU or the CPU, or all GPUs.")]
PreparingWorkers = Annotated[int, typer.Option(min=1, help="Threads that prepare images.")]
