"""Kernels in few bits stay within half a step of what they were."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from screening.networks import quantisation
from screening.networks.quantisation import bits_of, dequantise, fits_together, quantise

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
KERNELS = arrays.arrays(
    np.float32, arrays.array_shapes(min_dims=2, max_dims=4, max_side=4), elements=FINITE
)


BITS = 9


def check_error(
    kernel: NDArray[np.float32], inputs: tuple[int, ...], *, depthwise: bool, bits: int = BITS
) -> None:
    """Assert that no weight moved by more than half a step of its channel's scale."""
    found = quantise(kernel, bits, depthwise=depthwise)
    assert (found.high.dtype, found.high.shape) == (np.int8, kernel.shape)
    assert fits_together(found)
    error = np.abs(dequantise(found).astype(np.float64) - kernel)
    largest = np.abs(kernel).max(axis=inputs, keepdims=True).astype(np.float64)
    steps = 2 ** bits_of(kernel.size, bits) - 2
    # What a step of 16 bits is exact to, float32 is not.
    assert (error <= np.maximum(largest * (1 / steps + 2e-7), 1e-37)).all()


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
def test_few_bits_keep_within_half_a_step_too(kernel: NDArray[np.float32]) -> None:
    """The largest kernels have no further bits: with 4 a 14th of the channel's largest weight."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantisation, "KERNEL_OF_NAMED_BITS", 2**-20)
        assert bits_of(kernel.size, BITS) == 4
        assert quantise(kernel, BITS).low.shape == (0, 0)
        check_error(kernel, tuple(range(kernel.ndim - 1)), depthwise=False)


@pytest.mark.parametrize(
    ("weights", "bits"),
    [(2**26, 4), (13_107_200, 5), (4_194_304, 7), (2**20, 9), (529_984, 10), (27, 16)],
)
def test_small_kernels_get_more_bits(weights: int, bits: int) -> None:
    """One bit for each halving, between 4 and 16."""
    assert bits_of(weights, BITS) == bits
    assert bits_of(weights, BITS - 1) == (bits - 1 if 4 < bits < 16 else bits)


def test_further_bits_count() -> None:
    """Each further bit halves the error: 12 bits are 16 times as exact as 8, and 8 as 4."""
    kernel = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)

    def error(bits: int) -> float:
        named = bits - 8  # 8 halvings of the kernel that bits are named after
        assert bits_of(64 * 64, named) == bits
        return float(np.abs(dequantise(quantise(kernel, named)) - kernel).mean())

    assert error(8) / error(12) == pytest.approx(16, rel=0.1)
    assert error(4) / error(8) == pytest.approx(16, rel=0.2)


@given(KERNELS)
def test_a_second_time_changes_nothing_more(kernel: NDArray[np.float32]) -> None:
    """What came out of few bits goes into them unchanged, but for float32's last place."""
    once = dequantise(quantise(kernel, BITS))
    np.testing.assert_allclose(dequantise(quantise(once, BITS)), once, rtol=1e-6)


def test_zeros_stay_zero() -> None:
    """A channel without weights has a scale all the same."""
    found = quantise(np.zeros((3, 2), np.float32), BITS)
    assert not dequantise(found).any()
    assert (found.scales > 0).all()


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
    right = quantise(np.ones((3, 2), np.float32), BITS)
    assert fits_together(right)
    assert not fits_together(replace(right, scales=scales))


@pytest.mark.parametrize(
    "low",
    [
        np.zeros((8, 2), np.uint8),
        np.zeros((9, 1), np.uint8),
        np.zeros(1, np.uint8),
        np.zeros((8, 1), np.int16),
    ],
)
def test_bits_that_do_not_fit_are_told(low: NDArray[np.integer]) -> None:
    """Bytes for other weights, more than 16 bits, one row, another type."""
    assert not fits_together(replace(quantise(np.ones((3, 2), np.float32), BITS), low=low))
