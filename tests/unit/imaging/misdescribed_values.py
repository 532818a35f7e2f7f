"""Radiographs whose numbers or High Bit are wrong, each beside its true twin."""

from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from screening.imaging.tolerance import Tolerance
from tests.unit.imaging.misdescribed import (
    COLUMNS,
    ROWS,
    WINDOW,
    Misdescribed,
    le,
    lut,
    made,
    picture,
    ramp,
)


def _numbers() -> dict[str, Misdescribed]:
    def numbered(**attributes: Any) -> Dataset:
        return made(picture(12), 12, **attributes)

    plain = numbered(WindowCenter="1400.5", WindowWidth="900.5")
    rescaled = numbered(
        RescaleSlope="0.5", RescaleIntercept="-100.5", WindowCenter="700", WindowWidth="900"
    )
    none = numbered()
    comma, rescale = (Tolerance.DECIMAL_COMMA,), (Tolerance.RESCALE_UNUSABLE,)
    window = (Tolerance.WINDOW_UNUSABLE,)

    def windowed(center: str, width: str) -> Dataset:
        return numbered(WindowCenter=center, WindowWidth=width)

    def of_rescale(slope: str, intercept: str, **more: Any) -> Dataset:
        return numbered(
            RescaleSlope=slope, RescaleIntercept=intercept, WindowCenter="700", WindowWidth="900",
            **more,
        )  # fmt: skip

    identity = numbered(WindowCenter="700", WindowWidth="900")
    return {
        "comma in the window": Misdescribed(windowed("1400,5", "900,5"), plain, comma),
        "comma in one of both": Misdescribed(windowed("1400.5", "900,5"), plain, comma),
        "comma in the rescale": Misdescribed(of_rescale("0,5", "-100,5"), rescaled, comma),
        "plus signs and blanks": Misdescribed(windowed(" +1400.5 ", "  +900.5"), plain),
        "exponents": Misdescribed(windowed("1.4005E+03", "9005e-1"), plain),
        "exponent and comma": Misdescribed(windowed("1,4005E3", "900,5"), plain, comma),
        "NUL behind": Misdescribed(windowed("1400.5\0", "900.5\0\0"), plain),
        "several values": Misdescribed(windowed("1400,5\\20", "900,5\\30"), plain, comma),
        "the second window where the first has no width": Misdescribed(
            windowed("20\\1400.5", "0\\900.5"), plain, window
        ),
        "a number and words": Misdescribed(windowed("1400.5 HU", "900.5"), none, window),
        "thousands": Misdescribed(windowed("1.400,5", "900.5"), none, (*comma, *window)[1:]),
        "not a number": Misdescribed(windowed("nan", "inf"), none, window),
        "an empty width": Misdescribed(windowed("1400.5", ""), none, window),
        "an empty window": Misdescribed(windowed("", ""), none),
        "a negative width": Misdescribed(windowed("1400.5", "-900.5"), none, window),
        "a slope of words": Misdescribed(of_rescale("one", "-100.5"), none, rescale),
        "an intercept of words": Misdescribed(of_rescale("0.5", "1 0"), none, rescale),
        "a slope of zero": Misdescribed(of_rescale("0", "-100.5"), none, rescale),
        "slope and intercept of zero": Misdescribed(of_rescale("0", "0"), identity, rescale),
        "an empty slope": Misdescribed(
            of_rescale("", "-100.5"), of_rescale("1", "-100.5"), (Tolerance.RESCALE_COMPLETED,)
        ),
        "an empty intercept": Misdescribed(
            of_rescale("0.5", ""), of_rescale("0.5", "0"), (Tolerance.RESCALE_COMPLETED,)
        ),
        "a bad slope before a VOI LUT": Misdescribed(
            numbered(
                RescaleSlope="x", RescaleIntercept="0",
                VOILUTSequence=lut(le(ramp(4096, 12)), 4096, 0, 12),
            ),
            none,
            rescale,
        ),
        "a function with a hyphen": Misdescribed(
            numbered(**WINDOW, VOILUTFunction="LINEAR-EXACT"),
            numbered(**WINDOW, VOILUTFunction="LINEAR_EXACT"),
            (Tolerance.VOI_LUT_FUNCTION,),
        ),
        "an unknown function": Misdescribed(
            numbered(**WINDOW, VOILUTFunction="GAMMA"),
            numbered(**WINDOW),
            (Tolerance.VOI_LUT_FUNCTION,),
        ),
        "a sigmoid of commas": Misdescribed(
            numbered(WindowCenter="2000,5", WindowWidth="900,5", VOILUTFunction="SIGMOID"),
            numbered(WindowCenter="2000.5", WindowWidth="900.5", VOILUTFunction="SIGMOID"),
            comma,
        ),
    }  # fmt: skip


def _high_bit() -> dict[str, Misdescribed]:
    cases = {}
    for bits, signed in ((12, False), (12, True), (10, False), (14, True), (8, False), (15, False)):
        values, shift = picture(bits, signed=signed), 16 - bits
        middle = 0 if signed else 1 << (bits - 1)
        window = {"WindowCenter": middle, "WindowWidth": 1 << bits}
        true = made(values, bits, **window)
        kind = f"{'signed' if signed else 'unsigned'} {bits} bits"
        shifted = (values << shift).astype(values.dtype)
        low = np.random.default_rng(3).integers(0, 2, values.shape).astype(values.dtype)
        with_overlay = shifted | low if shift else shifted
        cases |= {
            f"{kind}, shifted up to bit 15": Misdescribed(
                made(shifted, bits, HighBit=15, **window), true
            ),
            f"{kind}, not shifted, High Bit 15": Misdescribed(
                made(values, bits, HighBit=15, **window), true, (Tolerance.HIGH_BIT,)
            ),
            f"{kind}, shifted, an overlay in bit 0": Misdescribed(
                _with_overlay(made(with_overlay, bits, HighBit=15, **window)), true
            ),
        }
        if bits in {12, 10}:
            one = (values << 1).astype(values.dtype)
            cases[f"{kind}, shifted by one"] = Misdescribed(
                made(one, bits, HighBit=bits, **window), true
            )
    dark = picture(12) // 16
    dark_window = {"WindowCenter": 128, "WindowWidth": 256}
    cases["a dark picture, shifted up to bit 15"] = Misdescribed(
        made(dark << 4, 12, HighBit=15, **dark_window), made(dark, 12, **dark_window)
    )
    values = picture(12)
    true = made(values, 12, **WINDOW)
    high = (np.random.default_rng(4).integers(0, 16, values.shape) << 12).astype(np.uint16)
    cases["an overlay above the values"] = Misdescribed(made(values | high, 12, **WINDOW), true)
    cases["High Bit below Bits Stored"] = Misdescribed(
        made(values, 12, HighBit=7, **WINDOW), true, (Tolerance.HIGH_BIT,)
    )
    cases["High Bit beyond the word"] = Misdescribed(
        made(values, 12, HighBit=31, **WINDOW), true, (Tolerance.HIGH_BIT,)
    )
    return cases


def _with_overlay(data_set: Dataset) -> Dataset:
    for number, value in ((0x0100, 16), (0x0102, 0), (0x0010, ROWS), (0x0011, COLUMNS)):
        data_set.add_new(0x60000000 | number, "US", value)
    data_set.add_new(0x60020100, "US", 16)
    data_set.add_new(0x60020102, "US", 0)
    return data_set


VALUE_CASES = _numbers() | _high_bit()
