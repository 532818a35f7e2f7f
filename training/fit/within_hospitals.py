"""What sets normal lungs apart from others within a hospital, and a network that scores by it.

A network learns which hospital an image is from wherever class and hospital go together. The
difference between two images of one hospital has nothing of it. So the mean difference between a
hospital's normals and its others, over all hospitals that have both, is a direction of the last
layer's features that serves at hospitals left out as well (docs/experiments/within-hospitals.md).
Source: Breslow and Day 1980, chapter VII (matched comparisons); Bickel and Levina 2004, Bernoulli
10:989 (each feature by its own variance alone, where features are many).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

FEWEST = 20
"""Images of each side; a hospital with fewer gives no difference."""
_LEAST_VARIANCE = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Direction:
    """Away from normal. weights: (features,). middle: between both sides, mean over hospitals."""

    weights: Floats
    middle: float
    hospitals: tuple[str, ...]
    """Whose images it is made of."""

    def of(self, features: NDArray[np.floating]) -> Floats:
        """Return how far from normal each image is, (images,): above 0 on the others' side."""
        return np.asarray(features.astype(np.float64) @ self.weights - self.middle)


def hospitals_with_both(hospitals: Sequence[str], normal: Sequence[bool]) -> tuple[str, ...]:
    """Return the hospitals that have enough normals and enough others, in alphabetical order.

    hospitals, normal: of each image. Raises TrainingError where none has `FEWEST` of each side.
    """
    counts = Counter(zip(hospitals, normal, strict=True))
    names = sorted(set(hospitals))
    enough = [name for name in names if min(counts[name, True], counts[name, False]) >= FEWEST]
    if not enough:
        found = ", ".join(
            f"{name} {counts[name, True]} and {counts[name, False]}" for name in names
        )
        raise TrainingError(
            f"expected a hospital with at least {FEWEST} normals and {FEWEST} others among the "
            f"training images, found {found or 'none'}; add images of one that has both"
        )
    return tuple(enough)


def direction_within_hospitals(
    features: NDArray[np.floating], hospitals: Sequence[str], normal: Sequence[bool]
) -> Direction:
    """Return the mean over hospitals of the difference between their others and their normals.

    features: (images, features); each is divided by its variance within side and hospital.
    hospitals, normal: of each image. Every hospital counts alike. Raises TrainingError as
    `hospitals_with_both` does.
    """
    exact, is_normal = features.astype(np.float64), np.array(normal, dtype=bool)
    of_hospital = np.array(hospitals, dtype=np.str_)
    names = hospitals_with_both(hospitals, normal)
    used = {
        name: (
            exact[(of_hospital == name) & ~is_normal],
            exact[(of_hospital == name) & is_normal],
        )
        for name in names
    }
    means = {name: (a.mean(axis=0), b.mean(axis=0)) for name, (a, b) in used.items()}
    variance = np.mean([side.var(axis=0) for pair in used.values() for side in pair], axis=0)
    difference = np.mean([others - normals for others, normals in means.values()], axis=0)
    weights = difference / (variance + _LEAST_VARIANCE)
    middle = np.mean([(others + normals) @ weights / 2 for others, normals in means.values()])
    return Direction(weights, float(middle), names)


def lower_normal(model: keras.Model, place: int, direction: Direction, scale: float) -> None:
    """Let a network's output for normal fall along a direction; nothing else changes.

    place: of normal among the outputs. scale: by how much the logit falls for each unit; nothing
    is added to an image at the direction's middle. Features that are means over the positions of a
    map are spread evenly over them.
    """
    layer = model.layers[-1]
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    positions, rest = divmod(len(kernel), len(direction.weights))
    if rest or not positions:
        raise ValueError(
            f"expected features that the {len(kernel)} inputs of {layer.name} are a multiple of, "
            f"found {len(direction.weights)}"
        )
    kernel[:, place] -= scale * np.tile(direction.weights, positions) / positions
    bias[place] += scale * direction.middle
    layer.kernel.assign(kernel)
    layer.bias.assign(bias)
