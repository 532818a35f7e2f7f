"""95 % intervals of figures that are no proportions: a bootstrap over split groups.

Those of proportions are in `screening.domain.proportions`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from screening.domain.proportions import Interval

LEAST_DEFINED = 0.9
"""Share of resamples on which a figure must be defined for its interval to mean anything."""


def group_bootstrap(
    statistic: Callable[[NDArray[np.intp]], float | None],
    groups: NDArray[np.str_],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval | None:
    """Return the percentile interval of a figure over resampled groups of images.

    statistic: takes indices of images (with repeats) and returns the figure, None where it is
    undefined on them. groups: shape (images,), the `split_group` of each; whole groups are drawn
    with replacement, so that a patient with many images does not narrow the interval.
    Returns None where the figure is undefined on more than a tenth of the resamples.
    Deterministic by seed. Source: Efron & Tibshirani 1993, chapter 13 (percentile); Field & Welsh
    2007, JRSS B 69:369 (cluster bootstrap).
    """
    return percentile_interval(bootstrap_values(statistic, groups, resamples=resamples, seed=seed))


def bootstrap_values(
    statistic: Callable[[NDArray[np.intp]], float | None],
    groups: NDArray[np.str_],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return a figure on resampled groups, (resamples,), NaN where undefined; none without groups.

    Arguments as for `group_bootstrap`.
    """
    if not len(groups):
        return np.empty(0)
    members = _members(groups)
    random = np.random.default_rng(seed)
    values = np.full(resamples, np.nan)
    for place in range(resamples):
        drawn = random.integers(len(members), size=len(members))
        value = statistic(np.concatenate([members[index] for index in drawn]))
        values[place] = np.nan if value is None else value
    return values


def percentile_interval(values: NDArray[np.float64]) -> Interval | None:
    """Return where 95 % of the values that are finite lie; None where a tenth or more are not."""
    finite = values[np.isfinite(values)]
    if not len(values) or len(finite) < LEAST_DEFINED * len(values):
        return None
    low, high = np.quantile(finite, [0.025, 0.975])
    return Interval(float(low), float(high))


def reflected_interval(value: float, percentile: Interval) -> Interval:
    """Return the interval of a figure from 0 upwards that resampling biases upwards.

    value: the figure on all images. percentile: its `percentile_interval` over resamples.
    Chance adds to such a figure, and in each resample once more, so the percentiles may lie above
    the figure altogether. They are reflected about it, cut off at 0, and widened to reach it.
    Of simulated calibration errors of 2 to 4 % on 300 to 1,200 images, the reflected interval holds
    the true one in 82 to 91 % of trials, the percentile interval in 0 to 74 %. Below 1 %, chance
    outweighs the error, and only the upper end means something.
    Source: Davison and Hinkley 1997, Bootstrap Methods and their Application, section 5.2.1 (basic
    bootstrap).
    """
    low, high = 2 * value - percentile.high, 2 * value - percentile.low
    return Interval(min(value, max(low, 0.0)), max(value, high))


def _members(groups: NDArray[np.str_]) -> list[NDArray[np.intp]]:
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(group_of, kind="stable")
    return np.split(order, np.cumsum(sizes)[:-1])
