"""The options of `screening train run`, and how a run reports its progress."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from training.errors import TrainingError
from training.runs.history import EpochRecord


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
    run does not have them. epochs: of each phase, images: drawn for an epoch, instead of
    the protocol's. fine_tune_from: the
    folder of the run to start from. bundle: whose member goes on, instead; with 0 epochs as it is.
    lung_field: the folder of the lung-field network's run. leave_out: hospitals, or sources, that
    are tested on alone. stop_by: others that say when to stop: after `patience` epochs without a
    higher area on them, and the best epoch counts. terms: weights in place of the protocol's, by
    their names. pack: crops that are taken in place of the manifest's files. cache_dir: keeps
    decoded images between runs. cache_below: the block of Xception below which nothing learns,
    and scores are kept.
    """

    data: Path
    out: Path
    fold: int | None = None
    phase: int | None = None
    epochs: int | None = None
    images: int | None = None
    cache_below: int | None = None
    backbone_weights: Sequence[Path] = ()
    fine_tune_from: Path | None = None
    bundle: Path | None = None
    lung_field: Path | None = None
    leave_out: Sequence[str] = ()
    stop_by: Sequence[str] = ()
    patience: int = 5
    terms: Mapping[str, float] = field(default_factory=dict)
    pack: Path | None = None
    resume: bool = False
    seed: int = 0
    precision: Precision = Precision.FLOAT32
    devices: Devices = Devices.ONE
    workers: int = 2
    cache_dir: Path | None = None


def parse_terms(words: Sequence[str]) -> dict[str, float]:
    """Return weights by name of words NAME=WEIGHT; raises TrainingError for any other word."""
    found = {}
    for word in words:
        name, _, weight = word.partition("=")
        try:
            found[name] = float(weight)
        except ValueError:
            found[name] = math.nan
        if not 0 <= found[name] < math.inf:
            raise TrainingError(
                f"expected --term NAME=WEIGHT with a weight of 0 or more, found {word!r}"
            )
    return found


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
