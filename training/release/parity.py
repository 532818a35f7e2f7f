"""Compares a network that has its weights as they are stored with the trained one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.evenly_spread import evenly_spread
from training.data.manifest import ImageRow
from training.errors import TrainingError
from training.runs.folder import read_split
from training.runs.held_out_scores import Predictions, TrainedFold

PARITY_IMAGES = 500
LARGEST_DIFFERENCE = 0.01
"""Of one class score of the ensemble, 0 to 1. What rounding the weights changes, not the sums: more
than `SCORE_TOLERANCE`, which holds for one network that scores twice."""
LEAST_SAME_DECISIONS = 0.995
"""Share of images whose most probable class, by the ensemble, stays the same."""
LEAST_COUNTED_WEIGHT = 0.2
"""A member that weighs less is held to what one of this weight is, since readers see its scores."""


@dataclass(frozen=True, slots=True)
class Parity:
    """largest_difference: of one class score; same_decisions: a share, both 0 to 1."""

    images: int
    largest_difference: float
    same_decisions: float


def parity_images(
    member: TrainedFold, validated: Predictions, rows: Mapping[str, ImageRow]
) -> list[Path]:
    """Return the files of `PARITY_IMAGES` images, or of as many as there are.

    Validation images, evenly spread; where they are too few, other images of the member's
    split, which may be trained on: parity is a property of the weights, no figure of merit.
    rows: of the data manifest, by pixels_sha256.
    """
    chosen = evenly_spread([each.pixels_sha256 for each in validated.examples], PARITY_IMAGES)
    known = set(chosen)
    others = [each.pixels_sha256 for each in read_split(member.directory)]
    others = [name for name in others if name not in known]
    chosen += evenly_spread(others, PARITY_IMAGES - len(chosen))
    return [rows[name].path for name in chosen]


def parity(trained: NDArray[np.float64], stored: NDArray[np.float64]) -> Parity:
    """Compare scores, (images, classes) each."""
    same = trained.argmax(axis=1) == stored.argmax(axis=1)
    return Parity(
        images=len(trained),
        largest_difference=round(float(np.abs(trained - stored).max()), 5),
        same_decisions=round(float(same.mean()), 5),
    )


def limits(weight: float) -> tuple[float, float]:
    """Return how much stored weights may change a member's class score, and its least decisions.

    weight: of the member in the ensemble, above 0 to 1, 1 for the ensemble itself: what a member
    changes there is `LARGEST_DIFFERENCE` at most.
    """
    counted = max(weight, LEAST_COUNTED_WEIGHT)
    return LARGEST_DIFFERENCE / counted, 1 - (1 - LEAST_SAME_DECISIONS) / counted


def keeps_parity(found: Parity, weight: float = 1.0) -> bool:
    """Return whether stored weights change little enough; weight: as for `limits`."""
    most, least_same = limits(weight)
    return found.largest_difference <= most and found.same_decisions >= least_same


def check_parity(found: Sequence[tuple[str, Parity, float]]) -> None:
    """Raise TrainingError naming the first classifier that stored weights change too much.

    found: name, parity, and weight as for `limits`.
    """
    for name, each, weight in found:
        most, least_same = limits(weight)
        if not keeps_parity(each, weight):
            raise TrainingError(
                f"{name}: expected stored weights to change no score of {each.images} "
                f"images by more than {most:.2g} and to keep at least "
                f"{100 * least_same:.3g} % of the decisions, found "
                f"{each.largest_difference:g} and {100 * each.same_decisions:g} %; store them more "
                "exactly with --precision float16 or float32"
            )
