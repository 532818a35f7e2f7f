"""Modality and VOI transformation: from stored values to grey between 0 and 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from screening.imaging.dicom.decimal_text import Decimals, decimals
from screening.imaging.rendering.lookup_table import LookupTable, ValueRange, first_lookup_table
from screening.imaging.rendering.render_path import ModalityStep, VoiStep
from screening.imaging.rendering.window import WINDOW_FUNCTIONS, percentile_window, stretch
from screening.imaging.tolerance import Tolerance

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ModalityValues:
    """values: of each level; possible: what they might be; is_known: whether their unit is."""

    values: Values
    possible: ValueRange
    step: ModalityStep = ModalityStep.NONE
    is_known: bool = True
    tolerated: tuple[Tolerance, ...] = ()


@dataclass(frozen=True, slots=True)
class Grey:
    """grey: 0 to 1 for each level."""

    grey: Values
    step: VoiStep
    tolerated: tuple[Tolerance, ...] = ()


def modality_values(data_set: Dataset, levels: Values, stored: ValueRange) -> ModalityValues:
    """Apply the Modality LUT or the rescale to stored values.

    Rescale Slope and Intercept go together: one that is no number, or a slope of 0 beside an
    intercept, leaves the unit unknown, and then no window or VOI LUT fits. One that is absent is 1
    or 0. Source: PS3.3 C.11.1.
    """
    table, tolerated = _table(data_set, "ModalityLUTSequence", stored)
    if table is not None:
        outputs = ValueRange(0, table.maximum)
        return ModalityValues(
            table.apply(levels), outputs, ModalityStep.SEQUENCE, tolerated=tolerated
        )
    slopes = decimals(data_set.get("RescaleSlope"))
    intercepts = decimals(data_set.get("RescaleIntercept"))
    tolerated += _commas(slopes, intercepts)
    if slopes.is_absent and intercepts.is_absent:
        return ModalityValues(levels, stored, tolerated=tolerated)
    slope = 1.0 if slopes.is_absent else slopes.first
    intercept = 0.0 if intercepts.is_absent else intercepts.first
    if not slope or intercept is None:
        is_known = slope == 0 and intercept == 0
        tolerated += (Tolerance.RESCALE_UNUSABLE,)
        return ModalityValues(levels, stored, is_known=is_known, tolerated=tolerated)
    if slopes.is_absent or intercepts.is_absent:
        tolerated += (Tolerance.RESCALE_COMPLETED,)
    ends = sorted(end * slope + intercept for end in (stored.lowest, stored.highest))
    return ModalityValues(
        levels * slope + intercept, ValueRange(*ends), ModalityStep.RESCALE, tolerated=tolerated
    )


def values_of_interest(
    data_set: Dataset, modality: ModalityValues, counts: NDArray[np.intp]
) -> Grey:
    """Return grey by the first usable VOI LUT, else the first usable window, else percentiles.

    counts: how often each level occurs, for the percentiles.
    Source: PS3.3 C.11.2.1.1 and C.11.2.1.2 (a LUT wins over a window, PS3.4 N.2).
    """
    tolerated: tuple[Tolerance, ...] = ()
    if modality.is_known:
        table, tolerated = _table(data_set, "VOILUTSequence", modality.possible)
        if table is not None:
            grey = table.apply(modality.values) / table.maximum
            return Grey(grey, VoiStep.LUT, tolerated)
        windowed = _windowed(data_set, modality.values)
        tolerated += windowed.tolerated
        if windowed.step is not VoiStep.NONE:
            return Grey(windowed.grey, windowed.step, tolerated)
    window = percentile_window(modality.values, counts)
    return Grey(stretch(modality.values, *window), VoiStep.PERCENTILE, tolerated)


def _windowed(data_set: Dataset, values: Values) -> Grey:
    """Return grey by the first usable window; the step is NONE where there is none."""
    step, tolerated = _voi_lut_function(data_set)
    centers = decimals(data_set.get("WindowCenter"))
    widths = decimals(data_set.get("WindowWidth"))
    tolerated += _commas(centers, widths)
    narrowest = 1.0 if step is VoiStep.LINEAR else np.nextafter(0.0, 1.0)
    for number, (center, width) in enumerate(zip(centers.numbers, widths.numbers, strict=False)):
        if center is not None and width is not None and width >= narrowest:
            if number:
                tolerated += (Tolerance.WINDOW_UNUSABLE,)
            return Grey(WINDOW_FUNCTIONS[step](values, center, width), step, tolerated)
    if centers.is_absent and widths.is_absent:
        return Grey(values, VoiStep.NONE)
    return Grey(values, VoiStep.NONE, (Tolerance.WINDOW_UNUSABLE,))


def _voi_lut_function(data_set: Dataset) -> tuple[VoiStep, tuple[Tolerance, ...]]:
    value = data_set.get("VOILUTFunction") or "LINEAR"
    first = str(value[0] if isinstance(value, MultiValue) and value else value)
    name = first.strip(" \0").lower()
    if name in WINDOW_FUNCTIONS:
        return VoiStep(name), ()
    plain = name.replace(" ", "_").replace("-", "_")
    step = VoiStep(plain) if plain in WINDOW_FUNCTIONS else VoiStep.LINEAR
    return step, (Tolerance.VOI_LUT_FUNCTION,)


def _table(
    data_set: Dataset, keyword: str, inputs: ValueRange
) -> tuple[LookupTable | None, tuple[Tolerance, ...]]:
    items = data_set.get(keyword)
    if not items:
        return None, ()
    table = first_lookup_table(items, inputs)
    return table, table.tolerated if table else (Tolerance.LUT_UNUSABLE,)


def _commas(*read: Decimals) -> tuple[Tolerance, ...]:
    return (Tolerance.DECIMAL_COMMA,) if any(one.has_comma for one in read) else ()
