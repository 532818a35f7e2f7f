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
    """One call of `screening train run`."""

    data: Path
    """The data manifest."""
    out: Path
    """The run's folder."""
    fold: int | None = None
    """Only this one, from 1; None: all."""
    phase: int | None = None
    """Stop after this one, from 1; missing earlier ones are trained first. None: all."""
    epochs: int | None = None
    """Of each phase, instead of the protocol's number."""
    images: int | None = None
    """Drawn for an epoch, instead of the protocol's number."""
    cache_below: int | None = None
    """Block of Xception below which nothing learns and features are cached."""
    backbone_weights: Sequence[Path] = ()
    """Files of weights that the backbone starts from."""
    fine_tune_from: Path | None = None
    """Folder of the run to start from."""
    bundle: Path | None = None
    """Whose member goes on; with 0 epochs it stays as it is."""
    lung_field: Path | None = None
    """Folder of the lung-field network's run."""
    leave_out: Sequence[str] = ()
    """Hospitals, or sources, that are tested on alone."""
    stop_by: Sequence[str] = ()
    """Hospitals left out that say when to stop; the best epoch on them counts."""
    patience: int = 5
    """Stop after so many epochs without a higher area on `stop_by`."""
    terms: Mapping[str, float] = field(default_factory=dict)
    """Weights of loss terms by name, instead of the protocol's."""
    pack: Path | None = None
    """Crops in place of the manifest's files."""
    resume: bool = False
    """Continue after the last finished epoch."""
    seed: int = 0
    """Of splits, order, augmentation and weights."""
    precision: Precision = Precision.FLOAT32
    devices: Devices = Devices.ONE
    workers: int = 2
    """Threads that prepare images."""
    cache_dir: Path | None = None
    """Keeps decoded images between runs."""


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
    """Where a run reports its progress."""

    def say(self, text: str) -> None:
        """Report one fact."""

    def begin(self, what: str, images: int) -> None:
        """Begin a task of so many images; the previous one is done."""

    def advance(self, images: int) -> None:
        """Report that so many more images are done."""

    def epoch(self, record: EpochRecord) -> None:
        """Report a finished epoch."""
