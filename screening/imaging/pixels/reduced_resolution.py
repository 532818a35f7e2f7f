"""Decodes a JPEG 2000 frame at one of the lower resolutions that it holds, for pictures alone.

A quarter of the samples costs about a quarter of the time. What is decoded in full is left to
pydicom.
"""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import JPEG2000, UID, JPEG2000Lossless

from screening.imaging.pixels.codestream import Codestream, read_codestream
from screening.imaging.pixels.stored_bits import StoredBits

_WORDS = {"L": np.uint8, "I;16": np.uint16}
"""By Pillow's modes for one unsigned component; it moves values up to the highest bit."""


def decode_reduced(
    frame: bytes, transfer_syntax: UID, bits: StoredBits, enough_pixels: int
) -> NDArray[np.unsignedinteger[Any]] | None:
    """Return a frame at its lowest resolution with so many rows or columns, or None.

    Returns (rows / 2 ** n, columns / 2 ** n), rounded up, as unsigned words. None where nothing is
    saved, and where values might not be those of the whole frame: other than one unsigned component
    whose precision is Bits Stored, or a frame that this decoder does not take.
    Source: ISO/IEC 15444-1 B.5 (resolution levels).
    """
    found = read_codestream(frame) if transfer_syntax in {JPEG2000Lossless, JPEG2000} else None
    if found is None or found.is_signed or found.size.components != 1:
        return None
    if bits.overlay or bits.stored != found.precision:
        return None
    most = (max(found.size.rows, found.size.columns) // enough_pixels).bit_length() - 1
    for halvings in range(most, 0, -1):
        reduced = _at_resolution(frame, found, halvings)
        if reduced is not None:
            return reduced
    return None


def _at_resolution(
    frame: bytes, found: Codestream, halvings: int
) -> NDArray[np.unsignedinteger[Any]] | None:
    """Return a frame halved so often; None where there is no such resolution.

    Pillow rounds some sides otherwise than the decoder does, and then refuses. Where a frame is
    damaged, the decoder of whole frames has the last word.
    """
    try:
        with Image.open(BytesIO(frame)) as image:
            image.reduce = halvings  # type: ignore[assignment,method-assign]  # Pillow's own way
            words = np.asarray(image)
            kind = _WORDS.get(image.mode)
    except (OSError, ValueError, SyntaxError):
        return None
    expected = tuple(-(-side // 2**halvings) for side in (found.size.rows, found.size.columns))
    if kind is None or words.shape != expected:
        return None
    reduced: NDArray[np.unsignedinteger[Any]] = words.astype(kind)
    reduced >>= 8 * reduced.itemsize - found.precision
    return reduced
