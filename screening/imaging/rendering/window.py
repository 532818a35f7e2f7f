"""Windows: from modality values to grey between 0 and 1."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from screening.imaging.rendering.render_path import VoiStep

Values: TypeAlias = NDArray[np.float64]

LOW_PERCENT, HIGH_PERCENT = 0.5, 99.5
"""Ends of the window of an image that names none: bright markers and dead pixels fall outside."""


def linear(values: Values, center: float, width: float) -> Values:
    """Return grey by the LINEAR function; width at least 1. Source: PS3.3 C.11.2.1.2.1."""
    return stretch(values, center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2)


def linear_exact(values: Values, center: float, width: float) -> Values:
    """Return grey by the LINEAR_EXACT function; width above 0. Source: PS3.3 C.11.2.1.3.2."""
    return stretch(values, center - width / 2, center + width / 2)


def sigmoid(values: Values, center: float, width: float) -> Values:
    """Return grey by the SIGMOID function; width above 0. Source: PS3.3 C.11.2.1.3.1."""
    exponent = np.clip(-4 * (values - center) / width, -500, 500)
    return np.asarray(1 / (1 + np.exp(exponent)), dtype=np.float64)


WINDOW_FUNCTIONS: Mapping[VoiStep, Callable[[Values, float, float], Values]] = {
    VoiStep.LINEAR: linear,
    VoiStep.LINEAR_EXACT: linear_exact,
    VoiStep.SIGMOID: sigmoid,
}


def stretch(values: Values, low: float, high: float) -> Values:
    """Return 0 at and below `low`, 1 above `high`, straight in between; a step if they are one."""
    if high <= low:
        return (values > low).astype(np.float64)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def percentile_window(values: Values, counts: NDArray[np.integer[Any]]) -> tuple[float, float]:
    """Return the 0.5th and 99.5th percentile of `values` that occur `counts` times.

    The extremes where the two percentiles are one (a nearly uniform image); the same value twice
    where nothing occurs or all is equal.
    """
    present = values[counts > 0]
    if present.size == 0:
        return float(values.max()), float(values.max())
    low, high = np.percentile(
        present, [LOW_PERCENT, HIGH_PERCENT], weights=counts[counts > 0], method="inverted_cdf"
    )
    return (low, high) if high > low else (float(present.min()), float(present.max()))
