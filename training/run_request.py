"""What a person asks of `screening train run`, and what they are told while it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from training.history import EpochRecord


class Precision(StrEnum):
    """The arithmetic of a run; weights are float32 in both."""

    FLOAT32 = "float32"
    MIXED_BFLOAT16 = "mixed_bfloat16"


class Devices(StrEnum):
    """ONE: the first GPU, or the CPU. ALL: every GPU, each with its part of every batch."""

    ONE = "one"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One call of the command.

    fold, phase: from 1; None: all. phase: stop after it; earlier ones are trained first where the
    run does not have them. epochs: of each phase, instead of the protocol's. fine_tune_from: the
    folder of the run to start from. bundle: whose member goes on, instead; with 0 epochs as it is.
    lung_field: the folder of the lung-field network's run. leave_out: hospitals, or sources, that
    are tested on alone. cache_dir: keeps decoded pictures between runs.
    """

    data: Path
    out: Path
    fold: int | None = None
    phase: int | None = None
    epochs: int | None = None
    backbone_weights: Sequence[Path] = ()
    fine_tune_from: Path | None = None
    bundle: Path | None = None
    lung_field: Path | None = None
    leave_out: Sequence[str] = ()
    resume: bool = False
    seed: int = 0
    precision: Precision = Precision.FLOAT32
    devices: Devices = Devices.ONE
    workers: int = 2
    cache_dir: Path | None = None


class RunReport(Protocol):
    """Where a run tells how it goes."""

    def say(self, text: str) -> None:
        """Tell one fact."""

    def begin(self, what: str, images: int) -> None:
        """Begin a task of so many images; the one before is over."""

    def advance(self, images: int) -> None:
        """Tell that so many images more are done."""

    def epoch(self, record: EpochRecord) -> None:
        """Tell the figures of a finished epoch."""
