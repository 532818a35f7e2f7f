"""Pictures for the page: a small one of a radiograph, and values to put a window on.

Neither is for diagnosis: both are reduced to what a screen shows.
"""

import gzip
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.imaging.pixels.decode import DecodedPixels, decode
from screening.imaging.pixels.luma import luma
from screening.imaging.rendering.render import (
    GreyLevels,
    grey_levels,
    look_up,
    render_decoded,
    undecodable_where_it_fails,
)

PREVIEW_PIXELS = 1024
"""Rows or columns of a preview, whichever are more, at most."""
VALUES_PIXELS = 2048
"""Of the values, likewise."""
WHITE = 65535
NEARLY = 0.005
_JPEG_QUALITY = 82
_QUICK = 1
_WHOLE_RANGE = (0, WHITE)
Values = NDArray[np.uint16]


def preview_jpeg(path: Path) -> bytes:
    """Return a JPEG of a DICOM file's first frame as `render` makes it, at most 1,024 pixels wide.

    Raises what `render` does.
    """
    decoded = decode(path, enough_pixels=PREVIEW_PIXELS)
    with undecodable_where_it_fails():
        picture = Image.fromarray(render_decoded(decoded).pixels)
    picture.thumbnail((PREVIEW_PIXELS, PREVIEW_PIXELS), Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


def window_values(path: Path) -> bytes:
    """Return grey before any window, compressed by gzip: a line of JSON, then the values.

    The line holds rows and columns, at most 2,048, and low and high: the ends of the window that
    the object names, or that `render` chooses. Values are 16-bit, little-endian, row by row; 0 is
    the darkest modality value of the image and 65,535 the brightest, padding is 0.
    Raises what `render` does.
    """
    decoded = decode(path, enough_pixels=VALUES_PIXELS)
    with undecodable_where_it_fails():
        values, (low, high) = _values(decoded)
        reduced = _reduced(values)
    rows, columns = reduced.shape
    line = json.dumps({"rows": rows, "columns": columns, "low": low, "high": high})
    return gzip.compress(f"{line}\n".encode() + reduced.astype("<u2").tobytes(), _QUICK, mtime=0)


def _values(decoded: DecodedPixels) -> tuple[Values, tuple[int, int]]:
    if decoded.array.ndim == 3:  # noqa: PLR2004  rows, columns, samples
        grey = luma(decoded.array, bits=decoded.bits_stored).astype(np.uint16)
        return grey * np.uint16(WHITE // 255), _WHOLE_RANGE
    levels = grey_levels(decoded)
    present = levels.counts > 0
    if not present.any():
        return look_up(np.zeros(len(present), dtype=np.uint16), levels.offsets), _WHOLE_RANGE
    scaled = _scaled(levels, present)
    window = _window(levels.grey[present], scaled[present])
    scaled[levels.padding] = 0
    return look_up(scaled.astype(np.uint16), levels.offsets), window


def _scaled(levels: GreyLevels, present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each level's modality value between 0 and 65,535, bright ones high."""
    found = levels.modality[present]
    lowest, highest = float(found.min()), float(found.max())
    span = (highest - lowest) or 1.0
    scaled: NDArray[Any] = np.rint(WHITE * np.clip((levels.modality - lowest) / span, 0, 1))
    return WHITE - scaled if levels.path.inverted else scaled


def _window(grey: NDArray[np.float64], scaled: NDArray[np.float64]) -> tuple[int, int]:
    """Return between which values grey rises from black to white, whatever says that it does."""
    black, white = scaled[grey <= NEARLY], scaled[grey >= 1 - NEARLY]
    low = int(black.max()) if black.size else int(scaled.min())
    high = int(white.min()) if white.size else int(scaled.max())
    return (low, high) if low < high else _WHOLE_RANGE


def _reduced(values: Values) -> Values:
    rows, columns = values.shape
    scale = VALUES_PIXELS / max(rows, columns)
    if scale >= 1:
        return values
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    picture = Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BOX)
    reduced: Values = np.rint(np.asarray(picture)).astype(np.uint16)
    return reduced
