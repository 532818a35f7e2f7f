"""Reads and applies the LUT of a Modality or VOI LUT Sequence item, also a misdescribed one.

pydicom's `apply_voi` wraps values around where they exceed the LUT's own integer type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from screening.imaging.tolerance import Tolerance

MOST_ENTRIES = 2**16
MOST_BITS = 16
FEWEST_BITS = 8
"""Of an entry. Source: PS3.3 C.11.2.1.1."""
SIGN_BIT = 2**15
LARGEST_EXCESS = 1 / 16
"""Share of the declared range that entries may exceed it by, and still be of so many bits."""
Entries = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class ValueRange:
    """The least and the largest value that an object may have at one step, whatever it has."""

    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class LookupTable:
    """entries[0] belongs to first_mapped and all below, the last entry to all above.

    bits: of an entry; tolerated: in what its descriptor was not believed.
    Source: PS3.3 C.11.1.1 and C.11.2.1.1.
    """

    entries: Entries
    first_mapped: int
    bits: int
    tolerated: tuple[Tolerance, ...] = ()

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the entries for `values`, between 0 and `maximum`."""
        index = np.clip(np.floor(values) - self.first_mapped, 0, len(self.entries) - 1)
        return np.asarray(self.entries[index.astype(np.intp)], dtype=np.float64)

    @property
    def maximum(self) -> int:
        """The largest value that an entry may have."""
        return max((1 << self.bits) - 1, int(self.entries.max()))


def first_lookup_table(items: object, inputs: ValueRange) -> LookupTable | None:
    """Return the first usable LUT of a sequence; None where there is none.

    inputs: the values that may be looked up. Where they may be negative, the first value mapped is
    signed, whatever its VR says: Pixel Representation decides it before the Modality LUT, the
    rescaled range before the VOI LUT (PS3.3 C.11.1.1.1, C.11.2.1.1). Where a LUT read so touches no
    input and read otherwise does, it is read otherwise.
    """
    tables = (_read(item, inputs) for item in items if isinstance(item, Dataset))  # type: ignore[attr-defined]  # a sequence
    return next((table for table in tables if table is not None), None)


def _read(item: Dataset, inputs: ValueRange) -> LookupTable | None:
    descriptor = item.get("LUTDescriptor")
    if not isinstance(descriptor, MultiValue | list) or len(descriptor) != 3:  # noqa: PLR2004
        return None
    count, first_mapped, bits = (int(value) % MOST_ENTRIES for value in descriptor)
    count = count or MOST_ENTRIES
    entries, tolerated = _entries(item, count, bits)
    if entries.size == 0:
        return None
    used_bits = _bits(entries, bits)
    first_mapped, is_other_sign = _signed(first_mapped, len(entries), inputs)
    if is_other_sign or _is_of_wrong_vr(item, first_mapped):
        tolerated.append(Tolerance.LUT_FIRST_VALUE)
    if used_bits != bits:
        tolerated.append(Tolerance.LUT_RANGE)
    return LookupTable(entries, first_mapped, used_bits, tuple(tolerated))


def _signed(first_mapped: int, count: int, inputs: ValueRange) -> tuple[int, bool]:
    """Return the first value mapped, and whether it is not of the sign that its inputs give it."""
    if first_mapped < SIGN_BIT:
        return first_mapped, False
    readings = [first_mapped, first_mapped - MOST_ENTRIES]
    if inputs.lowest < 0:
        readings.reverse()
    for reading in readings:
        if reading <= inputs.highest and reading + count > inputs.lowest:
            return reading, reading != readings[0]
    return readings[0], False


def _is_of_wrong_vr(item: Dataset, first_mapped: int) -> bool:
    vr = str(item["LUTDescriptor"].VR)
    return (first_mapped < 0 and vr == "US") or (first_mapped >= SIGN_BIT and vr == "SS")


def _bits(entries: Entries, declared: int) -> int:
    """Return of how many bits entries are: as declared, unless they clearly are of others.

    Fewer: a quarter of the range is the most that is used, or exactly the half. More: the range is
    exceeded by more than a sixteenth.
    """
    largest = int(entries.max())
    used = max(largest.bit_length(), FEWEST_BITS)
    if not 1 <= declared <= MOST_BITS:
        return used
    is_full = largest == (1 << used) - 1
    is_narrower = declared - used > 1 or (declared - used == 1 and is_full)
    is_wider = largest > (1 << declared) * (1 + LARGEST_EXCESS)
    return used if is_wider or (is_narrower and largest > 0) else declared


def _entries(item: Dataset, count: int, bits: int) -> tuple[Entries, list[Tolerance]]:
    """Return as many entries as the data hold, padding left out."""
    data = _data(item)
    octets = np.frombuffer(data, np.uint8)
    words = np.frombuffer(data[: len(data) & ~1], "<u2")
    is_ob = "LUTData" in item and item["LUTData"].VR == "OB"
    tolerated = []
    entries: Entries
    if _are_packed(octets, words, count, bits):
        entries = octets[:count] if len(octets) - count == 1 else octets
        if not is_ob:
            tolerated.append(Tolerance.LUT_PACKING)
    else:
        entries = words
        if is_ob and _unevenness(words.byteswap()) < _unevenness(words):
            entries = words.byteswap()
    if len(entries) > count and not entries[count:].any():
        entries = entries[:count]
    if len(entries) != count:
        tolerated.append(Tolerance.LUT_COUNT)
    return entries[:MOST_ENTRIES], tolerated


def _data(item: Dataset) -> bytes:
    """Return LUT Data, words little endian, as `attributes` reads them."""
    data = item.get("LUTData")
    if isinstance(data, bytes):
        return data
    values: Sequence[int] = list(data) if isinstance(data, MultiValue | list) else []
    return (np.asarray(values, np.int64) & (MOST_ENTRIES - 1)).astype("<u2").tobytes()


def _are_packed(octets: Entries, words: Entries, count: int, bits: int) -> bool:
    """Tell by the length of the data, and the values, whether each entry is a byte."""
    if bits <= FEWEST_BITS:
        has_enough_words = len(words) >= count - 1
        return not has_enough_words and bool((words > np.iinfo(np.uint8).max).any())
    is_half = len(octets) // 2 == (count + 1) // 2
    return is_half and _unevenness(octets) < 1 + 2 * _unevenness(words)


def _unevenness(entries: Entries) -> float:
    """Return how often the entries cross their own range: 1 where they only rise or fall."""
    if entries.size == 0:
        return 0.0
    spread = int(entries.max()) - int(entries.min())
    return float(np.abs(np.diff(entries.astype(np.int64))).sum()) / max(spread, 1)
