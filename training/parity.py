"""Compares a network that has its weights as they are stored with the trained one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

PARITY_IMAGES = 500
LARGEST_DIFFERENCE = 0.01
"""Of one class score, 0 to 1."""
LEAST_SAME_DECISIONS = 0.995
"""Share of images whose most probable class stays the same."""


@dataclass(frozen=True, slots=True)
class Parity:
    """largest_difference: of one class score; same_decisions: a share, both 0 to 1."""

    images: int
    largest_difference: float
    same_decisions: float


def spread_over(count: int) -> list[int]:
    """Return at most `PARITY_IMAGES` places out of `count`, evenly spread."""
    chosen = np.linspace(0, count - 1, min(count, PARITY_IMAGES))
    return [int(place) for place in chosen.round()]


def parity(trained: NDArray[np.float64], stored: NDArray[np.float64]) -> Parity:
    """Compare scores, (images, classes) each."""
    same = trained.argmax(axis=1) == stored.argmax(axis=1)
    return Parity(
        images=len(trained),
        largest_difference=round(float(np.abs(trained - stored).max()), 5),
        same_decisions=round(float(same.mean()), 5),
    )


def check_parity(found: Sequence[tuple[str, Parity]]) -> None:
    """Raise TrainingError naming the first classifier that stored weights change too much."""
    for name, each in found:
        if (
            each.largest_difference > LARGEST_DIFFERENCE
            or each.same_decisions < LEAST_SAME_DECISIONS
        ):
            raise TrainingError(
                f"{name}: expected stored weights to change no score of {each.images} validation "
                f"images by more than {LARGEST_DIFFERENCE:g} and to keep at least "
                f"{100 * LEAST_SAME_DECISIONS:g} % of the decisions, found "
                f"{each.largest_difference:g} and {100 * each.same_decisions:g} %; store them more "
                "exactly with --weights float16 or float32"
            )
