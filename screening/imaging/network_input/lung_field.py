"""From a network's map of the lungs to the part of the image that holds them.

`screening.networks.lung_field` has the network; here is what goes into it and what is made of its
answer, the same for training and serving.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_OUTERMOST_SHARE = 0.005
"""Of the lungs' area that may lie beyond each side of the box, before the margin is added."""
_LEAST_DEVIATION = 1e-3
_MIDDLE_HALF = (0.25, 0.75)


class View(StrEnum):
    """What of a radiograph a network sees."""

    WHOLE = "whole"
    LUNG_FIELD = "lung_field"
    """The crop around the lungs: no border, marker or shoulder that tells the hospital."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of an image, as fractions of its width (left, right) and height (top, bottom)."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class LungFieldSpec:
    """The network's input in pixels, and what counts as a lung field.

    threshold: probability from which a place counts as lung. margin: what is kept around the lungs,
    as a fraction of their width and height. least_area: of the lungs, as a fraction of the image.
    least_certainty: mean probability of the lungs. most_between: how much of its height may be lung
    where the lungs are furthest apart, as a fraction; one blob in the middle has more.
    """

    height: int = 128
    width: int = 128
    threshold: float = 0.5
    margin: float = 0.06
    least_area: float = 0.08
    least_certainty: float = 0.78
    most_between: float = 0.6


@dataclass(frozen=True, slots=True)
class NoLungField:
    """What was found in an image in place of a plausible lung field."""

    found: str


def network_input(image: NDArray[np.uint8], spec: LungFieldSpec) -> NDArray[np.float32]:
    """Return what the network takes of one image.

    image: (rows, columns) uint8, 0 = black. Returns (spec.height, spec.width) float32 with mean
    0 and standard deviation 1, so that exposure and windowing hardly count.
    """
    resized = Image.fromarray(image).resize((spec.width, spec.height), Image.Resampling.BILINEAR)
    grey = np.asarray(resized, dtype=np.float64)
    standardised = (grey - grey.mean()) / (grey.std() + _LEAST_DEVIATION)
    return np.asarray(standardised, np.float32)


def find_lung_field(probabilities: NDArray[np.floating], spec: LungFieldSpec) -> Box | NoLungField:
    """Return the box around the lungs, or what speaks against a frontal chest radiograph.

    probabilities: (spec.height, spec.width), 0 to 1, that a place is lung.
    """
    lungs = probabilities > spec.threshold
    area = float(lungs.mean())
    if area < max(spec.least_area, 1 / lungs.size):
        return NoLungField(
            f"lungs on {100 * area:.1f} % of the image, at least {100 * spec.least_area:.1f} % "
            "expected"
        )
    certainty = float(probabilities[lungs].mean(dtype=np.float64))
    if certainty < spec.least_certainty:
        return NoLungField(
            f"lungs with a certainty of {certainty:.2f}, at least {spec.least_certainty:.2f} "
            "expected"
        )
    between = _share_between(lungs)
    if between > spec.most_between:
        return NoLungField(
            f"lungs that take {100 * between:.0f} % of the height between them, at most "
            f"{100 * spec.most_between:.0f} % expected of two lungs"
        )
    left, right = _span(lungs.sum(axis=0), spec.margin)
    top, bottom = _span(lungs.sum(axis=1), spec.margin)
    return Box(left, top, right, bottom)


def _share_between(lungs: NDArray[np.bool_]) -> float:
    """Return the least share of its height that is lung, of any column in the middle half."""
    left, right = _span(lungs.sum(axis=0), 0)
    top, bottom = _span(lungs.sum(axis=1), 0)
    rows, columns = lungs.shape
    first, last = (int(columns * (left + part * (right - left))) for part in _MIDDLE_HALF)
    middle = lungs[:, first : max(last, first + 1)].sum(axis=0)
    share: float = int(middle.min()) / (rows * (bottom - top))
    return min(share, 1.0)  # the outermost places do not count as height


def lung_box(probabilities: NDArray[np.floating], spec: LungFieldSpec) -> Box | None:
    """Return the box around the lungs, None where they are no plausible lung field."""
    found = find_lung_field(probabilities, spec)
    return found if isinstance(found, Box) else None


def _span(counts: NDArray[np.integer], margin: float) -> tuple[float, float]:
    """Return first and last place, as fractions, of what counts along one side of the image.

    Places lie between rows or columns too, so that one more place of lung moves no side far.
    """
    shares = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    places = np.linspace(0, 1, len(shares))
    first, last = np.interp([_OUTERMOST_SHARE, 1 - _OUTERMOST_SHARE], shares, places).tolist()
    around = margin * (last - first)
    return max(0.0, first - around), min(1.0, last + around)


def pixels_of(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of a (rows, columns) image in a box, outwards to whole pixels."""
    rows, columns = shape
    return (
        slice(math.floor(box.top * rows), math.ceil(box.bottom * rows)),
        slice(math.floor(box.left * columns), math.ceil(box.right * columns)),
    )


def crop(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Return the part of a (rows, columns) image in a box, see `pixels_of`."""
    return np.ascontiguousarray(image[pixels_of(box, image.shape)])
