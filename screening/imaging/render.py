"""From the stored pixels of a DICOM object to the 8-bit picture a reader would see.

Every step maps one stored value to one grey level, so the steps run over the few thousand stored
values that occur ("levels") and the picture is looked up once at the end.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from screening.errors import ScreeningError, UndecodablePixelsError
from screening.imaging.decode import DecodedPixels, decode
from screening.imaging.lookup_table import LookupTable, read_lookup_table
from screening.imaging.luma import luma
from screening.imaging.quiet import quiet
from screening.imaging.render_path import ModalityStep, RenderedImage, RenderPath, VoiStep
from screening.imaging.window import WINDOW_FUNCTIONS, percentile_window, stretch

WHITE = 255
ROWS_AT_ONCE = 256
"""NumPy widens what it counts and looks up by to 64 bits: of so many rows at a time."""


def render(path: Path) -> RenderedImage:
    """Render the first frame of a DICOM file: 0 = black, 255 = white, MONOCHROME2 sense.

    Modality LUT or rescale, then VOI LUT, window or percentile window, then inversion, and padding
    painted black at the end. Colour becomes luma without a window.

    Raises UnreadableDataSetError where the file does not parse and UndecodablePixelsError where
    its pixels give no picture; OSError where it cannot be opened, and nothing else.
    Source: PS3.4 annex N.2 (order of the steps); PS3.3 C.11.1, C.11.2, C.11.6, C.7.5.1.1.2.
    """
    decoded = decode(path)
    try:
        with quiet():
            return render_decoded(decoded)
    except (ScreeningError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  whatever an illegal attribute provokes on the way
        raise UndecodablePixelsError(
            f"the pixels cannot be rendered ({type(error).__name__}); "
            "check the object's image attributes in another viewer"
        ) from None


def render_decoded(decoded: DecodedPixels) -> RenderedImage:
    """Render pixels that are decoded already; errors are those of pydicom and NumPy."""
    if decoded.array.ndim == 3:  # noqa: PLR2004  rows, columns, samples
        return RenderedImage(
            pixels=luma(decoded.array, bits=decoded.bits_stored),
            path=RenderPath(transfer_syntax_uid=decoded.transfer_syntax_uid, luma=True),
        )
    return _render_grey(decoded)


def _render_grey(decoded: DecodedPixels) -> RenderedImage:
    data_set, stored = decoded.data_set, decoded.array
    first = int(stored.min())
    offsets = _levels_above(stored, first)
    counts = _histogram(offsets)
    levels = np.arange(first, first + len(counts), dtype=np.float64)
    padding = _padding(data_set, levels)
    counts[padding] = 0
    values, modality = _modality(data_set, levels)
    grey, voi = _value_of_interest(data_set, values, counts)
    inverted = _is_inverted(data_set, decoded.photometric_interpretation)
    if inverted:
        grey = 1.0 - grey
    table = np.rint(WHITE * grey).astype(np.uint8)
    table[padding] = 0
    return RenderedImage(
        pixels=_look_up(table, offsets),
        path=RenderPath(
            transfer_syntax_uid=decoded.transfer_syntax_uid,
            modality_lut=modality,
            voi=voi,
            inverted=inverted,
            padding_masked=bool(padding.any()),
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


def _look_up(
    table: NDArray[np.uint8], offsets: NDArray[np.unsignedinteger[Any]]
) -> NDArray[np.uint8]:
    picture = np.empty(offsets.shape, dtype=np.uint8)
    for start in range(0, len(offsets), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        picture[rows] = table[offsets[rows]]
    return picture


def _number(data_set: Dataset, keyword: str) -> float | None:
    """Return the first value of a number; None where it is absent, empty or no finite number."""
    try:
        value: Any = data_set.get(keyword)
        number = float(value[0] if isinstance(value, (MultiValue, list)) else value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return number if np.isfinite(number) else None


def _padding(data_set: Dataset, levels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which levels are padding. Source: PS3.3 C.7.5.1.1.2."""
    padding = _number(data_set, "PixelPaddingValue")
    if padding is None:
        return np.zeros(levels.shape, dtype=np.bool_)
    limit = _number(data_set, "PixelPaddingRangeLimit")
    ends = [_as_stored(value, data_set) for value in (padding, limit) if value is not None]
    return (levels >= min(ends)) & (levels <= max(ends))


def _as_stored(value: float, data_set: Dataset) -> float:
    """Read a value written with the wrong one of US and SS as Pixel Representation says."""
    span = 2.0**16
    if data_set.get("PixelRepresentation") == 1:
        return value - span if value >= span / 2 else value
    return value + span if value < 0 else value


def _modality(
    data_set: Dataset, levels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ModalityStep]:
    """Apply the Modality LUT or the rescale. Source: PS3.3 C.11.1."""
    table = _first_table(data_set, "ModalityLUTSequence", float(levels[0]))
    if table is not None:
        return table.apply(levels), ModalityStep.SEQUENCE
    slope = _number(data_set, "RescaleSlope")
    intercept = _number(data_set, "RescaleIntercept")
    if not slope or intercept is None:
        return levels, ModalityStep.NONE
    return levels * slope + intercept, ModalityStep.RESCALE


def _value_of_interest(
    data_set: Dataset, values: NDArray[np.float64], counts: NDArray[np.intp]
) -> tuple[NDArray[np.float64], VoiStep]:
    """Return grey 0 to 1 by the VOI LUT, else the first window, else percentiles.

    Source: PS3.3 C.11.2.1.1 and C.11.2.1.2 (a LUT wins over a window, PS3.4 N.2).
    """
    table = _first_table(data_set, "VOILUTSequence", float(values.min()))
    if table is not None:
        return table.apply(values) / table.maximum, VoiStep.LUT
    center, width = _number(data_set, "WindowCenter"), _number(data_set, "WindowWidth")
    name = str(data_set.get("VOILUTFunction") or "LINEAR").strip().upper()
    step = VoiStep(name.lower()) if name.lower() in WINDOW_FUNCTIONS else VoiStep.LINEAR
    narrowest = 1.0 if step is VoiStep.LINEAR else np.nextafter(0.0, 1.0)
    if center is not None and width is not None and width >= narrowest:
        return WINDOW_FUNCTIONS[step](values, center, width), step
    return stretch(values, *percentile_window(values, counts)), VoiStep.PERCENTILE


def _first_table(data_set: Dataset, keyword: str, lowest_input: float) -> LookupTable | None:
    sequence = data_set.get(keyword)
    return read_lookup_table(sequence[0], lowest_input=lowest_input) if sequence else None


def _is_inverted(data_set: Dataset, photometric_interpretation: str) -> bool:
    """Tell whether low values are bright, once: DX says so in both attributes.

    Source: PS3.3 C.7.6.3.1.2 and C.11.6 (MONOCHROME1 comes with INVERSE).
    """
    shape = str(data_set.get("PresentationLUTShape") or "").strip().upper()
    return photometric_interpretation == "MONOCHROME1" or shape == "INVERSE"
