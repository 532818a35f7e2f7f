"""From the words of Pixel Data to the values stored in them.

Source: PS3.5 section 8.1.1 (Bits Allocated, Bits Stored, High Bit).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from screening.errors import UndecodablePixelsError
from screening.imaging.tolerance import Tolerance

Words = NDArray[np.integer[Any]]
ROWS_COMPARED = 256
CLEARLY_SMOOTHER = 2.0
"""Times smoother one way to read words must be than another, where the bits tell nothing."""


@dataclass(frozen=True, slots=True)
class StoredBits:
    """Where the values lie in words of `width` bits.

    width: Bits Allocated, or the precision of the codestream. stored, high_bit, is_signed: what
    the header says. overlay: the bits that hold overlay planes, as a mask.
    """

    width: int
    stored: int
    high_bit: int
    is_signed: bool
    overlay: int = 0
    is_codestream: bool = False


@dataclass(frozen=True, slots=True)
class StoredValues:
    """array: signed as the header says; bits: of each value."""

    array: Words
    bits: int
    tolerated: tuple[Tolerance, ...] = ()


def stored_values(words: Words, bits: StoredBits) -> StoredValues:
    """Take the values out of unsigned words, which are used up.

    words: (rows, columns) unsigned, 8 or 16 bits wide. Bits of High Bit + 1 - Bits Stored to High
    Bit are the value, unless only the header can be wrong: where the words have bits below those
    and none above Bits Stored, they are not shifted. A codestream's precision decides over Bits
    Stored where the values use it.
    Raises UndecodablePixelsError where neither the bits nor the neighbourhood of pixels tells.
    """
    if bits.is_codestream and bits.stored != bits.width:
        return _by_precision(words, bits)
    shift = bits.high_bit + 1 - bits.stored
    if shift == 0:
        return StoredValues(_field(words, bits.stored, 0, signed=bits.is_signed), bits.stored)
    tolerated: tuple[Tolerance, ...] = ()
    if shift < 0 or bits.high_bit >= bits.width or not _is_shifted(words, bits, shift):
        shift, tolerated = 0, (Tolerance.HIGH_BIT,)
    array = _field(words, bits.stored, shift, signed=bits.is_signed)
    return StoredValues(array, bits.stored, tolerated)


def _by_precision(words: Words, bits: StoredBits) -> StoredValues:
    tolerated = (Tolerance.CODESTREAM_PRECISION,)
    words &= words.dtype.type(
        ~(bits.overlay >> bits.stored << bits.stored) & (1 << 8 * words.dtype.itemsize) - 1
    )
    whole = _field(words.copy(), bits.width, 0, signed=bits.is_signed)
    if bits.stored > bits.width:
        unsigned = words.view(whole.dtype)
        if bits.is_signed and _roughness(unsigned) < _roughness(whole):
            return StoredValues(unsigned, bits.width + 1, tolerated)
        return StoredValues(whole, bits.width, tolerated)
    shift = bits.high_bit + 1 - bits.stored
    shift = shift if 0 < shift <= bits.width - bits.stored else 0
    if shift and _is_shifted(words, bits, shift):
        return StoredValues(
            _field(words, bits.stored, shift, signed=bits.is_signed), bits.stored, tolerated
        )
    part = _field(words, bits.stored, 0, signed=bits.is_signed)
    if np.array_equal(part, whole):
        return StoredValues(part, bits.stored)
    if _relative_roughness(part) <= _relative_roughness(whole):
        return StoredValues(part, bits.stored, tolerated)
    return StoredValues(whole, bits.width, tolerated)


def _is_shifted(words: Words, bits: StoredBits, shift: int) -> bool:
    """Tell by the values whether they lie `shift` bits above the lowest."""
    used = int(np.bitwise_or.reduce(words, axis=None)) & ~bits.overlay
    has_below = bool(used & ((1 << shift) - 1))
    if not has_below:
        return True
    unshifted = _field(words.copy(), bits.stored, 0, signed=bits.is_signed)
    has_above = bool(used >> bits.stored)
    if has_above and bits.is_signed:
        has_above = not np.array_equal(words.view(unshifted.dtype), unshifted)
    if not has_above:
        return False
    shifted = _field(words.copy(), bits.stored, shift, signed=bits.is_signed)
    ways = (_relative_roughness(unshifted), _relative_roughness(shifted))
    if max(ways) < CLEARLY_SMOOTHER * min(ways):
        raise UndecodablePixelsError(
            f"expected values of {bits.stored} bits up to High Bit {bits.high_bit}, found bits "
            "below and above them; correct Bits Stored and High Bit at the source"
        )
    return ways[1] < ways[0]


def _field(words: Words, stored: int, shift: int, *, signed: bool) -> Words:
    """Return bits `shift` to `shift + stored - 1` of words, which are used up."""
    order, width = words.dtype.byteorder, 8 * words.dtype.itemsize
    left, right = width - stored - shift, width - stored
    field: Words = words.view(f"{order}i{width // 8}") if signed else words
    if left:
        np.left_shift(field, left, out=field)
    if right:
        np.right_shift(field, right, out=field)
    return field


def _roughness(values: Words) -> float:
    """Return the mean difference of neighbours in some rows."""
    step = max(1, len(values) // ROWS_COMPARED)
    rows = values[::step].astype(np.float64)
    return float(np.abs(np.diff(rows, axis=1)).mean()) if rows.shape[1] > 1 else 0.0


def _relative_roughness(values: Words) -> float:
    spread = float(values[:: max(1, len(values) // ROWS_COMPARED)].std())
    return _roughness(values) / spread if spread else np.inf


def overlay_bits(positions: Sequence[int]) -> int:
    """Return a mask of these bit positions; 0 is that of an overlay in data of its own."""
    mask = 0
    for position in positions:
        if 0 < position < 16:  # noqa: PLR2004  bits of a word
            mask |= 1 << position
    return mask
