"""Distances of a sample from known distributions, each with its 95 % interval.

Source: Massey 1951, JASA 46:68 (Kolmogorov-Smirnov distance); Hotelling 1931, Annals of
Mathematical Statistics 2:360 (distance of means in units of the spread).
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from screening.domain.proportions import Z_95, wilson_interval

_KOLMOGOROV_95 = 1.358
"""Massey 1951, table 1: two samples of one distribution differ by less in 95 % of trials."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A share or a distance, and its 95 % interval."""

    value: float
    low: float
    high: float


def share(count: int, images: int) -> Measured:
    """Return a share of images with Wilson's interval. Raises ValueError without any image."""
    interval = wilson_interval(count, images)
    if interval is None:
        raise ValueError("expected at least one image, found none")
    return Measured(count / images, interval.low, interval.high)


def mean_shift(sample: Sequence[Sequence[float]], means: Sequence[float], images: int) -> Measured:
    """Return how far the mean of a sample is from that of others, in their standard deviations.

    sample: two or more, each of as many coordinates as means, in which the others have a standard
    deviation of about 1. images: how many others the means are of. It is the root of the mean
    square over coordinates, without what chance adds to it.
    """
    columns = list(zip(*sample, strict=True))
    chance = fmean(variance(column) for column in columns) * (1 / len(sample) + 1 / images)
    square = fmean((fmean(column) - mean) ** 2 for column, mean in zip(columns, means, strict=True))
    found = max(0.0, square - chance)
    deviation = math.sqrt((2 * chance**2 + 4 * found * chance) / len(means))
    low, high = (found - Z_95 * deviation, found + Z_95 * deviation)
    return Measured(math.sqrt(found), math.sqrt(max(0.0, low)), math.sqrt(high))


def kolmogorov_distance(
    sample: Sequence[float], quantiles: Sequence[float], images: int
) -> Measured:
    """Return the largest difference of two distribution functions, 0 to 1.

    sample: ascending. quantiles: of the other distribution at even shares from 0 to 1, ascending;
    it is taken to be even between them. images: how many they are of.
    """
    value = 0.0
    for place, one in enumerate(sample):
        value = max(
            value,
            _share_below(quantiles, one) - place / len(sample),
            (place + 1) / len(sample) - _share_upto(quantiles, one),
        )
    chance = _KOLMOGOROV_95 * math.sqrt(1 / len(sample) + 1 / images)
    return Measured(value, max(0.0, value - chance), min(1.0, value + chance))


def _share_below(quantiles: Sequence[float], value: float) -> float:
    """Return the share of a distribution below a value."""
    return _between(quantiles, value, bisect_left(quantiles, value))


def _share_upto(quantiles: Sequence[float], value: float) -> float:
    """Return the share of a distribution up to a value, this included."""
    return _between(quantiles, value, bisect_right(quantiles, value))


def _between(quantiles: Sequence[float], value: float, place: int) -> float:
    steps = len(quantiles) - 1
    if place == 0:
        return 0.0
    if place > steps:
        return 1.0
    lower, upper = quantiles[place - 1], quantiles[place]
    part = (value - lower) / (upper - lower) if upper > lower else 1.0
    return (place - 1 + part) / steps
