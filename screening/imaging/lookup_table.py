"""Applies the LUT of a Modality or VOI LUT Sequence item.

pydicom's `apply_voi` wraps values around where they exceed the LUT's own integer type.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

MOST_ENTRIES = 2**16
MOST_BITS = 16
SIGN_BIT = 2**15


@dataclass(frozen=True, slots=True)
class LookupTable:
    """entries[0] belongs to first_mapped and all below, the last entry to all above.

    Source: PS3.3 C.11.1.1 and C.11.2.1.1.
    """

    entries: NDArray[np.integer[Any]]
    first_mapped: int
    bits: int

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the entries for `values`, between 0 and `maximum`."""
        index = np.clip(np.floor(values) - self.first_mapped, 0, len(self.entries) - 1)
        return np.asarray(self.entries[index.astype(np.intp)], dtype=np.float64)

    @property
    def maximum(self) -> int:
        """The largest value that an entry may have."""
        return max((1 << self.bits) - 1, int(self.entries.max()))


def read_lookup_table(item: Dataset, *, lowest_input: float) -> LookupTable | None:
    """Read a LUT from a sequence item; None where it has no usable entries.

    lowest_input: the least value that will be looked up; where it is negative, the descriptor's
    first mapped value is read as signed, whatever its VR says.
    """
    descriptor = item.get("LUTDescriptor")
    if not isinstance(descriptor, (MultiValue, list)) or len(descriptor) != 3:  # noqa: PLR2004
        return None
    count, first_mapped, bits = (int(value) for value in descriptor)
    count = count % MOST_ENTRIES or MOST_ENTRIES
    if lowest_input < 0 and first_mapped >= SIGN_BIT:
        first_mapped -= MOST_ENTRIES
    entries = _entries(item, count)
    if entries.size == 0 or not 1 <= bits <= MOST_BITS:
        return None
    return LookupTable(entries[:count], first_mapped, bits)


def _entries(item: Dataset, count: int) -> NDArray[np.integer[Any]]:
    data = item.get("LUTData")
    if not isinstance(data, bytes):
        values = list(data) if isinstance(data, (MultiValue, list)) else []
        return np.asarray(values, dtype=np.int64) & (MOST_ENTRIES - 1)
    if len(data) < 2 * count:
        return np.frombuffer(data, dtype=np.uint8)
    order = "<" if item.original_encoding[1] is not False else ">"
    return np.frombuffer(data[: 2 * count], dtype=f"{order}u2")
