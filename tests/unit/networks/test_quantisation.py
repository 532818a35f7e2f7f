"""Kernels in 8 bits stay within half a step of what they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from screening.networks.quantisation import are_scales_of, dequantise, quantise

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
KERNELS = arrays.arrays(
    np.float32, arrays.array_shapes(min_dims=2, max_dims=4, max_side=4), elements=FINITE
)


def check_error(kernel: NDArray[np.float32], inputs: tuple[int, ...], *, depthwise: bool) -> None:
    """Assert that no weight moved by more than a 254th of its channel's largest."""
    codes, scales = quantise(kernel, depthwise=depthwise)
    assert (codes.dtype, codes.shape) == (np.int8, kernel.shape)
    assert codes.min(initial=0) >= -127
    assert are_scales_of(scales, codes)
    error = np.abs(dequantise(codes, scales).astype(np.float64) - kernel)
    largest = np.abs(kernel).max(axis=inputs, keepdims=True).astype(np.float64)
    assert (error <= np.maximum(largest / 254 * (1 + 1e-5), 1e-37)).all()


@given(KERNELS)
def test_each_output_channel_keeps_within_half_a_step(kernel: NDArray[np.float32]) -> None:
    """The last dimension is the output channel, and a large channel costs a small one nothing."""
    check_error(kernel, tuple(range(kernel.ndim - 1)), depthwise=False)


@given(
    arrays.arrays(
        np.float32, arrays.array_shapes(min_dims=4, max_dims=4, max_side=4), elements=FINITE
    )
)
def test_each_depthwise_channel_keeps_within_half_a_step(kernel: NDArray[np.float32]) -> None:
    """A depthwise kernel has an output for each channel and multiple."""
    check_error(kernel, (0, 1), depthwise=True)


@given(KERNELS)
def test_a_second_time_changes_nothing_more(kernel: NDArray[np.float32]) -> None:
    """What came out of 8 bits goes into 8 bits unchanged, but for float32's last place."""
    once = dequantise(*quantise(kernel))
    np.testing.assert_allclose(dequantise(*quantise(once)), once, rtol=1e-6)


def test_zeros_stay_zero() -> None:
    """A channel without weights has a scale all the same."""
    codes, scales = quantise(np.zeros((3, 2), np.float32))
    assert not codes.any()
    assert (scales > 0).all()


@pytest.mark.parametrize(
    "scales",
    [
        np.ones((1, 2), np.float64),
        np.ones(2, np.float32),
        np.ones((2, 2), np.float32),
        np.float32([[0, 1]]),
        np.float32([[np.nan, 1]]),
    ],
)
def test_scales_that_do_not_fit_are_told(scales: NDArray[np.floating]) -> None:
    """Wrong type, dimensions or length, or not above 0."""
    assert not are_scales_of(scales, np.zeros((3, 2), np.int8))
