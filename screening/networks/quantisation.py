"""Kernels as whole numbers of few bits, and one scale per output channel.

The larger a kernel, the less the rounding of its weights changes what a network says: in CoroNet
the errors of 13 million weights with 6 bits change it a fifth as much as those of half a million.
So a kernel gets a bit more for each halving of its size, and one less for each doubling. Source:
Gersho and Gray 1992, Vector Quantization and Signal Compression, section 8.3 (bit allocation);
decision 0010 has what was measured.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_BITS, MOST_BITS = 4, 16
HIGH_BITS = 8
"""Of each code, kept as int8; further ones are kept as planes of bits."""
KERNEL_OF_NAMED_BITS = 2**20
"""Weights of the kernel that gets as many bits as a precision is named after."""

_SMALLEST_SCALE = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class QuantisedKernel:
    """codes * scales is the kernel.

    high: int8 of the kernel's shape, the upper 8 bits of each code, or all where it has fewer; low:
    (bits, bytes) uint8, one row for each further bit from the lowest, 8 codes to a byte; scales:
    float32, which spread over the kernel's shape.
    """

    high: NDArray[np.int8]
    low: NDArray[np.uint8]
    scales: NDArray[np.float32]


def bits_of(weights: int, bits: int) -> int:
    """Return how many bits each weight of a kernel gets.

    bits: that a kernel of `KERNEL_OF_NAMED_BITS` weights gets.
    """
    wanted = bits + round(math.log2(KERNEL_OF_NAMED_BITS / weights))
    return min(max(wanted, LEAST_BITS), MOST_BITS)


def quantise(kernel: NDArray[np.float32], bits: int, *, depthwise: bool = False) -> QuantisedKernel:
    """Return a kernel in few bits.

    kernel: finite, two or more dimensions, output channels last; a depthwise one is
    (height, width, channels, multiplier), and each channel and multiple is an output. bits: as for
    `bits_of`.
    Codes are symmetric, so that 0 stays 0, and each weight moves by at most half a scale: with 8
    bits a 254th of its channel's largest absolute weight. Scales have length 1 in every other
    dimension.
    Source: Krishnamoorthi 2018, Quantizing deep convolutional networks for efficient inference,
    section 3.1 (symmetric, per channel).
    """
    own_bits = bits_of(kernel.size, bits)
    largest_code = 2 ** (own_bits - 1) - 1
    inputs = (0, 1) if depthwise else tuple(range(kernel.ndim - 1))
    largest = np.abs(kernel).max(axis=inputs, keepdims=True)
    scales = np.maximum(largest / largest_code, _SMALLEST_SCALE).astype(np.float32)
    exact = np.rint(kernel / scales.astype(np.float64))
    codes = np.clip(exact, -largest_code, largest_code).astype(np.int16)
    further = range(max(own_bits - HIGH_BITS, 0))
    low = [np.packbits((codes.ravel() >> bit & 1).astype(np.uint8)) for bit in further]
    return QuantisedKernel(
        high=(codes >> len(further)).astype(np.int8),
        low=np.stack(low) if low else np.zeros((0, 0), np.uint8),
        scales=scales,
    )


def dequantise(found: QuantisedKernel) -> NDArray[np.float32]:
    """Return the kernel that codes and scales stand for."""
    further, size = len(found.low), found.high.size
    codes = found.high.astype(np.int32) << further
    for bit, row in enumerate(found.low):
        codes |= np.unpackbits(row, count=size).astype(np.int32).reshape(codes.shape) << bit
    return codes.astype(np.float32) * found.scales


def fits_together(found: QuantisedKernel) -> bool:
    """Return whether the scales are positive and spread over the codes, and no bit is missing."""
    high, low, scales = found.high, found.low, found.scales
    return (
        low.dtype == np.uint8
        and low.ndim == 2  # noqa: PLR2004  (bits, bytes)
        and len(low) <= MOST_BITS - HIGH_BITS
        and (not len(low) or low.shape[1] == math.ceil(high.size / 8))
        and scales.dtype == np.float32
        and scales.ndim == high.ndim
        and all(s in (1, c) for s, c in zip(scales.shape, high.shape, strict=True))
        and bool((scales > 0).all())
    )
