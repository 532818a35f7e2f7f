"""Which transfer syntaxes decode here, found by decoding one golden file of each."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
)

from screening.errors import ScreeningError
from screening.imaging.pixels.decode import CANDIDATE_TRANSFER_SYNTAXES, DecodedPixels, decode

GOLDEN_FOLDER = Path(__file__).parents[1] / "golden"
LOSSY = frozenset({JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless})
LARGEST_LOSS = 2 / 255
"""Of the full range, in any pixel of a golden file with lossy compression."""


@lru_cache(maxsize=1)
def decodable_transfer_syntaxes() -> tuple[str, ...]:
    """Return the UIDs of the transfer syntaxes that decode here, uncompressed ones first.

    A syntax counts if its golden file decodes to the expected pixels: exactly where it is
    lossless, within 2 of 255 grey levels where it is lossy. One whose decoder is absent or wrong
    is left out, so that a sender converts instead of sending what nobody here can read. Deflated
    syntaxes are never among them.
    Source: PS3.5 section 10 and annex A; golden/README.md.
    """
    return tuple(str(uid) for uid in CANDIDATE_TRANSFER_SYNTAXES if _decodes(uid))


def _decodes(uid: UID) -> bool:
    try:
        decoded = decode(GOLDEN_FOLDER / f"{uid}.dcm")
    except (ScreeningError, OSError):
        return False
    expected = expected_pixels(decoded.bits_stored)
    if decoded.array.shape != expected.shape:
        return False
    return largest_difference(decoded, expected) <= (LARGEST_LOSS if uid in LOSSY else 0.0)


def expected_pixels(bits_stored: int) -> NDArray[np.integer[Any]]:
    """Return what the golden files of 8 or 12 bits hold: (64, 64) unsigned."""
    pixels: NDArray[np.integer[Any]] = np.load(GOLDEN_FOLDER / f"expected_{bits_stored}_bits.npy")
    return pixels


def largest_difference(decoded: DecodedPixels, expected: NDArray[np.integer[Any]]) -> float:
    """Return the largest difference of any pixel, as a part of the full range."""
    difference = np.abs(decoded.array.astype(np.int64) - expected.astype(np.int64))
    return float(difference.max()) / ((1 << decoded.bits_stored) - 1)
