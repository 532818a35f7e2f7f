"""Kernels in 8 bits: whole numbers and one scale per output channel."""

import numpy as np
from numpy.typing import NDArray

LARGEST_CODE = 127
"""Symmetric: -127 to 127, so that 0 stays 0."""

_SMALLEST_SCALE = float(np.finfo(np.float32).tiny)


def quantise(
    kernel: NDArray[np.float32], *, depthwise: bool = False
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return codes of the kernel's shape, and scales that spread over it.

    kernel: finite, two or more dimensions, output channels last; a depthwise one is
    (height, width, channels, multiplier), and each channel and multiple is an output.
    codes * scales differs from the kernel by at most half a scale, which is a 254th of the
    channel's largest absolute weight. Scales have length 1 in every other dimension.
    Source: Krishnamoorthi 2018, Quantizing deep convolutional networks for efficient inference,
    section 3.1 (symmetric, per channel).
    """
    inputs = (0, 1) if depthwise else tuple(range(kernel.ndim - 1))
    largest = np.abs(kernel).max(axis=inputs, keepdims=True)
    scales = np.maximum(largest / LARGEST_CODE, _SMALLEST_SCALE).astype(np.float32)
    codes = np.rint(kernel / scales.astype(np.float64))
    return np.clip(codes, -LARGEST_CODE, LARGEST_CODE).astype(np.int8), scales


def dequantise(codes: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the kernel that codes and scales stand for."""
    return codes.astype(np.float32) * scales


def are_scales_of(scales: NDArray[np.float32], codes: NDArray[np.int8]) -> bool:
    """Return whether scales are positive float32 numbers that spread over these codes."""
    return (
        scales.dtype == np.float32
        and scales.ndim == codes.ndim
        and all(s in (1, c) for s, c in zip(scales.shape, codes.shape, strict=True))
        and bool((scales > 0).all())
    )
