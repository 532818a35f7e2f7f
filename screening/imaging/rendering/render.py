"""From the stored pixels of a DICOM object to the 8-bit image a reader would see.

Every step maps one stored value to one grey level, so the steps run over the few thousand stored
values that occur ("levels") and the image is looked up once at the end.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from screening.errors import ScreeningError, UndecodablePixelsError
from screening.imaging.dicom.decimal_text import decimals
from screening.imaging.pixels.decode import DecodedPixels, decode
from screening.imaging.pixels.luma import luma
from screening.imaging.quiet import quiet
from screening.imaging.rendering.grayscale import modality_values, values_of_interest
from screening.imaging.rendering.lookup_table import ValueRange
from screening.imaging.rendering.render_path import RenderedImage, RenderPath
from screening.imaging.tolerance import Tolerance

WHITE = 255
Grey = TypeVar("Grey", np.uint8, np.uint16)
ROWS_AT_ONCE = 256
"""NumPy widens what it counts and looks up by to 64 bits: of so many rows at a time."""


@dataclass(frozen=True, slots=True)
class GreyLevels:
    """What becomes of each stored value that may occur, from the lowest on: arrays by level."""

    offsets: NDArray[np.unsignedinteger[Any]]
    """Of each pixel its level, (rows, columns)."""
    counts: NDArray[np.intp]
    """How often each level occurs, padding never."""
    padding: NDArray[np.bool_]
    modality: NDArray[np.float64]
    """Modality values."""
    grey: NDArray[np.float64]
    """0 = black to 1 = white, after inversion."""
    path: RenderPath


def render(path: Path) -> RenderedImage:
    """Render the first frame of a DICOM file: 0 = black, 255 = white, MONOCHROME2 sense.

    Modality LUT or rescale, then VOI LUT, window or percentile window, then inversion, and padding
    painted black at the end. Colour becomes luma without a window.

    Raises UnreadableDataSetError where the file does not parse, TruncatedDataSetError where it ends
    before Pixel Data or within a fragment, and UndecodablePixelsError where its pixels give no
    image; OSError where it cannot be opened, and nothing else.
    Source: PS3.4 annex N.2 (order of the steps); PS3.3 C.11.1, C.11.2, C.11.6, C.7.5.1.1.2.
    """
    decoded = decode(path)
    with undecodable_where_it_fails():
        return render_decoded(decoded)


@contextmanager
def undecodable_where_it_fails() -> Iterator[None]:
    """Raise UndecodablePixelsError for whatever an illegal attribute provokes while rendering."""
    try:
        with quiet():
            yield
    except (ScreeningError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  pydicom and NumPy raise nearly anything
        raise UndecodablePixelsError(
            f"the pixels cannot be rendered ({type(error).__name__}); "
            "check the object's image attributes in another viewer"
        ) from None


def render_decoded(decoded: DecodedPixels) -> RenderedImage:
    """Render pixels that are decoded already; errors are those of pydicom and NumPy."""
    if decoded.array.ndim == 3:  # noqa: PLR2004  rows, columns, samples
        return RenderedImage(
            pixels=luma(decoded.array, bits=decoded.bits_stored),
            path=RenderPath(
                transfer_syntax_uid=decoded.transfer_syntax_uid,
                luma=True,
                tolerated=decoded.tolerated,
            ),
        )
    return _render_grey(decoded)


def _render_grey(decoded: DecodedPixels) -> RenderedImage:
    levels = grey_levels(decoded)
    table = np.rint(WHITE * levels.grey).astype(np.uint8)
    table[levels.padding] = 0
    return RenderedImage(pixels=look_up(table, levels.offsets), path=levels.path)


def grey_levels(decoded: DecodedPixels) -> GreyLevels:
    """Return what becomes of each stored value; errors are those of pydicom and NumPy."""
    data_set, stored = decoded.data_set, decoded.array
    first = int(stored.min())
    offsets = _levels_above(stored, first)
    counts = _histogram(offsets)
    levels = np.arange(first, first + len(counts), dtype=np.float64)
    padding = _padding(data_set, levels)
    counts[padding] = 0
    modality = modality_values(data_set, levels, _possible(decoded))
    voi = values_of_interest(data_set, modality, counts)
    inverted, contradiction = _inversion(data_set, decoded.photometric_interpretation)
    return GreyLevels(
        offsets=offsets,
        counts=counts,
        padding=padding,
        modality=modality.values,
        grey=1.0 - voi.grey if inverted else voi.grey,
        path=RenderPath(
            transfer_syntax_uid=decoded.transfer_syntax_uid,
            modality_lut=modality.step,
            voi=voi.step,
            inverted=inverted,
            padding_masked=bool(padding.any()),
            tolerated=decoded.tolerated + modality.tolerated + voi.tolerated + contradiction,
        ),
    )


def _levels_above(stored: NDArray[np.integer[Any]], first: int) -> NDArray[np.unsignedinteger[Any]]:
    """Return how far each pixel is above the lowest, as wide as it is stored.

    Differences of two's complement numbers are right as unsigned ones, whatever their sign.
    """
    unsigned: NDArray[np.unsignedinteger[Any]] = stored.view(
        f"{stored.dtype.byteorder}u{stored.dtype.itemsize}"
    )
    return unsigned - unsigned.dtype.type(first % 2 ** (8 * stored.dtype.itemsize))


def _histogram(offsets: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.intp]:
    levels = int(offsets.max()) + 1
    counts = np.zeros(levels, dtype=np.intp)
    for start in range(0, len(offsets), ROWS_AT_ONCE):
        counts += np.bincount(offsets[start : start + ROWS_AT_ONCE].ravel(), minlength=levels)
    return counts


def look_up(table: NDArray[Grey], offsets: NDArray[np.unsignedinteger[Any]]) -> NDArray[Grey]:
    """Return the image of a table's values, of its type."""
    image = np.empty(offsets.shape, dtype=table.dtype)
    for start in range(0, len(offsets), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        image[rows] = table[offsets[rows]]
    return image


def _padding(data_set: Dataset, levels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which levels are padding. Source: PS3.3 C.7.5.1.1.2."""
    padding = decimals(data_set.get("PixelPaddingValue")).first
    if padding is None:
        return np.zeros(levels.shape, dtype=np.bool_)
    limit = decimals(data_set.get("PixelPaddingRangeLimit")).first
    ends = [_as_stored(value, data_set) for value in (padding, limit) if value is not None]
    return (levels >= min(ends)) & (levels <= max(ends))


def _as_stored(value: float, data_set: Dataset) -> float:
    """Read a value written with the wrong one of US and SS as Pixel Representation says."""
    span = 2.0**16
    if data_set.get("PixelRepresentation") == 1:
        return value - span if value >= span / 2 else value
    return value + span if value < 0 else value


def _possible(decoded: DecodedPixels) -> ValueRange:
    """Return what stored values may be, by Bits Stored and Pixel Representation."""
    span = 1 << decoded.bits_stored
    is_signed = decoded.data_set.get("PixelRepresentation") == 1
    return ValueRange(-span // 2, span // 2 - 1) if is_signed else ValueRange(0, span - 1)


def _inversion(
    data_set: Dataset, photometric_interpretation: str
) -> tuple[bool, tuple[Tolerance, ...]]:
    """Tell whether low values are bright, once: DX says so in both attributes.

    The photometric interpretation says it of the stored values (PS3.3 C.7.6.3.1.2); the shape says
    what is to be done besides to have P-Values (C.11.6, C.8.11.3: INVERSE where MONOCHROME1, else
    IDENTITY). So MONOCHROME1 is inverted also where IDENTITY contradicts it.
    """
    shape = str(data_set.get("PresentationLUTShape") or "").strip(" \0").upper()
    is_low_bright = photometric_interpretation == "MONOCHROME1"
    contradicts = shape == ("IDENTITY" if is_low_bright else "INVERSE")
    tolerated = (Tolerance.PRESENTATION_LUT_SHAPE,) if contradicts else ()
    return is_low_bright or shape == "INVERSE", tolerated
