"""How well lungs are found: against masks that were held out, and against boxes drawn by hand."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.imaging.network_input.lung_field import Box
from training.errors import DataError


@dataclass(frozen=True, slots=True)
class Agreement:
    """Figures from 0 to 1 over some images: of all, of the worst twentieth, and the worst."""

    images: int
    mean: float
    median: float
    fifth_percentile: float
    least: float


def agreement(figures: Sequence[float]) -> Agreement | None:
    """Return what figures are like, None where there are none."""
    if not figures:
        return None
    fifth, median = np.quantile(figures, [0.05, 0.5])
    numbers = (float(np.mean(figures)), float(median), float(fifth), float(min(figures)))
    return Agreement(len(figures), *(round(number, 4) for number in numbers))


def dice(found: NDArray[np.bool_], expected: NDArray[np.bool_]) -> float:
    """Return twice the common area over the sum of both; 1 where both are empty.

    Source: Dice 1945, Measures of the amount of ecologic association between species.
    """
    both = int(found.sum()) + int(expected.sum())
    return 2 * int((found & expected).sum()) / both if both else 1.0


def overlap(found: Box, expected: Box) -> float:
    """Return the common area of two boxes over the area that either has (IoU)."""
    common = _common_area(found, expected)
    return common / (_area(found) + _area(expected) - common)


def coverage(found: Box, expected: Box) -> float:
    """Return what share of the expected box the found one holds."""
    return _common_area(found, expected) / _area(expected)


def _common_area(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0.0, width) * max(0.0, height)


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def read_drawn_boxes(table: Path, images: Path) -> dict[Path, Box]:
    """Return the box around all lungs that were drawn in each image.

    table: CSV with file (below `images`), x, y, width and height in the image's pixels, from its
    upper left corner, a line for each lung. Raises DataError where it cannot be read.
    """
    lungs: dict[Path, list[tuple[float, float, float, float]]] = {}
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                x, y, width, height = (float(row[key]) for key in ("x", "y", "width", "height"))
                corners = (x, y, x + width, y + height)
                lungs.setdefault(images / row["file"], []).append(corners)
        return {path: _around(path, corners) for path, corners in lungs.items()}
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"expected boxes with file, x, y, width and height in {table}, and their images in "
            f"{images}; cannot read them ({type(error).__name__}: {error})"
        ) from error


def _around(path: Path, corners: Sequence[tuple[float, float, float, float]]) -> Box:
    with Image.open(path) as image:
        width, height = image.size
    first, last = np.min(corners, axis=0), np.max(corners, axis=0)
    return Box(
        float(first[0]) / width,
        float(first[1]) / height,
        float(last[2]) / width,
        float(last[3]) / height,
    )
