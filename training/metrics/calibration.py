"""Does a probability of 0.8 come true in 80 of 100 images? Reliability and calibration error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Of equal width, as Guo et al. 2017."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Images whose probability lies above low (from 0: or at it) and at most at high.

    mean_probability, frequency: 0 to 1, None in an empty bin; frequency is the share of positives.
    """

    low: float
    high: float
    images: int
    mean_probability: float | None
    frequency: float | None


@dataclass(frozen=True, slots=True)
class Reliability:
    """The diagram's bins and two summaries, each 0 (best) to 1.

    expected_calibration_error: the mean distance of frequency from mean probability over bins,
    weighted by images. Chance biases it upwards: frequencies of few images differ from the
    probabilities of a perfect score, too. brier_score: the mean squared distance of probability
    from truth.
    """

    bins: tuple[ReliabilityBin, ...]
    expected_calibration_error: float
    brier_score: float


def reliability(
    positive: NDArray[np.bool_], probabilities: NDArray[np.float64], bins: int = BINS
) -> Reliability | None:
    """Return how probabilities of one class compare with what was true; None without images.

    positive: shape (images,); probabilities: shape (images,), 0 to 1. For the confidence of
    multi-class scores give the highest probability and whether its class was right. Raises
    ValueError where shapes differ or a probability is out of range.
    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 2 and equation 3.
    """
    if not _fit_together(positive, probabilities):
        return None
    edges = np.linspace(0, 1, bins + 1)
    found = _binned(positive, probabilities, edges)
    return Reliability(
        bins=tuple(
            ReliabilityBin(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                images=int(count),
                mean_probability=float(found.probabilities[index] / count) if count else None,
                frequency=float(found.hits[index] / count) if count else None,
            )
            for index, count in enumerate(found.images)
        ),
        expected_calibration_error=found.expected_calibration_error,
        brier_score=float(np.mean((probabilities - positive) ** 2)),
    )


def expected_calibration_error(
    positive: NDArray[np.bool_], probabilities: NDArray[np.float64], bins: int = BINS
) -> float | None:
    """Return that figure of `reliability` alone, as resampling asks for it thousands of times."""
    if not _fit_together(positive, probabilities):
        return None
    edges = np.linspace(0, 1, bins + 1)
    return _binned(positive, probabilities, edges).expected_calibration_error


@dataclass(frozen=True, slots=True)
class _Binned:
    """By bin: the number of images, the sum of their probabilities, and how many are positive."""

    images: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    hits: NDArray[np.float64]

    @property
    def expected_calibration_error(self) -> float:
        return float(np.abs(self.hits - self.probabilities).sum() / self.images.sum())


def _fit_together(positive: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> bool:
    """Return whether there are images. Raises ValueError as `reliability` does."""
    if positive.shape != probabilities.shape or probabilities.ndim != 1:
        raise ValueError(
            f"expected one probability per image, found {positive.shape}, {probabilities.shape}"
        )
    if not probabilities.size:
        return False
    if not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise ValueError("expected probabilities from 0 to 1, found others")
    return True


def _binned(
    positive: NDArray[np.bool_], probabilities: NDArray[np.float64], edges: NDArray[np.float64]
) -> _Binned:
    bins = len(edges) - 1
    place = np.clip(np.searchsorted(edges, probabilities, side="left") - 1, 0, bins - 1)
    return _Binned(
        images=np.bincount(place, minlength=bins),
        probabilities=_sums(place, probabilities, bins),
        hits=_sums(place, positive.astype(np.float64), bins),
    )


def _sums(place: NDArray[np.intp], values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(place, weights=values, minlength=bins), np.float64)
