"""Radiographs that break the standard, each beside the one that says the same truly.

LUTs; everything is made of one synthetic picture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from screening.imaging.phantoms.phantom_image import phantom_image
from screening.imaging.tolerance import Tolerance
from tests.unit.imaging.conftest import radiograph

ROWS, COLUMNS = 96, 80
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


@dataclass(frozen=True, slots=True)
class Misdescribed:
    """An object that is written wrongly, and the true one. noted: what the render path says."""

    wrong: Dataset
    true: Dataset
    noted: tuple[Tolerance, ...] = ()


@lru_cache(maxsize=1)
def _grey() -> NDArray[np.uint8]:
    return phantom_image(0, ROWS, COLUMNS)


def picture(bits: int, *, signed: bool = False) -> NDArray[np.integer[Any]]:
    """Return the picture in so many bits, with grain in the lowest ones; signed: about zero."""
    grey = _grey().astype(np.int64)
    grain = np.random.default_rng(7).integers(0, 1 << max(0, bits - 8), grey.shape)
    values = np.clip((grey << max(0, bits - 8)) + grain, 0, (1 << bits) - 1)
    values[0, :2] = 0, (1 << bits) - 1
    return (values - (1 << (bits - 1))).astype(np.int16) if signed else values.astype(np.uint16)


def ramp(count: int, bits: int) -> NDArray[np.uint16]:
    """Return a curve of so many entries that uses all of so many bits."""
    return np.rint(np.linspace(0, 1, count) ** 0.8 * ((1 << bits) - 1)).astype(np.uint16)


def lut(
    entries: bytes,
    *descriptor: int,
    vr: str = "OW",
    descriptor_vr: str = "US",
) -> Sequence:
    """Return a LUT sequence with entries and a descriptor as given."""
    item = Dataset()
    item.add(DataElement("LUTDescriptor", descriptor_vr, list(descriptor)))
    item.add(DataElement("LUTData", vr, entries, validation_mode=IGNORE))
    return Sequence([item])


def made(pixels: NDArray[np.integer[Any]], bits: int, **attributes: Any) -> Dataset:
    """Return a CR object of 16 bits allocated; text for a number is written as it is."""
    numbers = {k: v for k, v in attributes.items() if isinstance(v, str)}
    data_set = radiograph(
        pixels,
        **{"BitsStored": bits, **attributes, **dict.fromkeys(numbers)},
    )
    data_set["PixelData"].VR = "OW"
    for keyword, value in numbers.items():
        vr = dictionary_VR(keyword)
        data_set.add(
            DataElement(keyword, "LO" if vr == "DS" else vr, value, validation_mode=IGNORE)
        )
    return data_set


def voi(sequence: Sequence, bits: int = 12, *, signed: bool = False, **more: Any) -> Dataset:
    """Return an object with this VOI LUT."""
    return made(picture(bits, signed=signed), bits, VOILUTSequence=sequence, **more)


def modality(sequence: Sequence) -> Dataset:
    """Return an object with this Modality LUT, and a window behind it."""
    return made(picture(12), 12, ModalityLUTSequence=sequence, **WINDOW)


def le(entries: NDArray[np.integer[Any]]) -> bytes:
    """Return words little endian."""
    return entries.astype("<u2").tobytes()


def octets(entries: NDArray[np.integer[Any]]) -> bytes:
    """Return a byte each, padded to whole words."""
    content = entries.astype(np.uint8).tobytes()
    return content + b"\0" * (len(content) % 2)


def _narrower() -> dict[str, Misdescribed]:
    cases = {}
    for used, declared in ((8, 16), (10, 16), (12, 16), (14, 16), (15, 16), (9, 16), (12, 14)):
        data = le(ramp(4096, used))
        cases[f"{used} bits in {declared}"] = Misdescribed(
            voi(lut(data, 4096, 0, declared)), voi(lut(data, 4096, 0, used)), (Tolerance.LUT_RANGE,)
        )
    for used, declared in ((12, 8), (16, 12), (10, 8)):
        data = le(ramp(4096, used))
        cases[f"{used} bits in {declared}"] = Misdescribed(
            voi(lut(data, 4096, 0, declared)), voi(lut(data, 4096, 0, used)), (Tolerance.LUT_RANGE,)
        )
    data = le(ramp(4096, 12))
    cases["no legal number of bits"] = Misdescribed(
        voi(lut(data, 4096, 0, 0)), voi(lut(data, 4096, 0, 12)), (Tolerance.LUT_RANGE,)
    )
    cases["Modality LUT of 12 bits in 16"] = Misdescribed(
        modality(lut(data, 4096, 0, 16)), modality(lut(data, 4096, 0, 12)), (Tolerance.LUT_RANGE,)
    )
    dim = le(ramp(4096, 16) // 2 - 1)
    cases["a dim LUT that is described truly"] = Misdescribed(
        voi(lut(dim, 4096, 0, 16)), voi(lut(dim, 4096, 0, 16))
    )
    return cases


def _first_value() -> dict[str, Misdescribed]:
    signed, rescaled = le(ramp(3000, 12)), le(ramp(5200, 12))
    minus = {"RescaleIntercept": -1024, "RescaleSlope": 1}
    steep = {"RescaleIntercept": -2000, "RescaleSlope": 2}
    wide = le(ramp(60000, 12))
    plus = {"RescaleIntercept": 60000, "RescaleSlope": 1}
    noted = (Tolerance.LUT_FIRST_VALUE,)
    return {
        "signed pixels, first as US": Misdescribed(
            voi(lut(signed, 3000, 65536 - 1500, 12), signed=True),
            voi(lut(signed, 3000, -1500, 12, descriptor_vr="SS"), signed=True),
            noted,
        ),
        "negative after a rescale, first as US": Misdescribed(
            voi(lut(rescaled, 5200, 65536 - 1024, 12), **minus),
            voi(lut(rescaled, 5200, -1024, 12, descriptor_vr="SS"), **minus),
            noted,
        ),
        "negative after a steep rescale, where either sign has inputs": Misdescribed(
            voi(lut(wide, 60000, 65536 - 1500, 12), 16, **steep),
            voi(lut(wide, 60000, -1500, 12, descriptor_vr="SS"), 16, **steep),
            noted,
        ),
        "unsigned after a rescale, first as SS": Misdescribed(
            voi(lut(signed, 3000, 60500 - 65536, 12, descriptor_vr="SS"), **plus),
            voi(lut(signed, 3000, 60500, 12), **plus),
            noted,
        ),
        "unsigned pixels of 16 bits, first as SS": Misdescribed(
            voi(lut(signed, 3000, 40000 - 65536, 12, descriptor_vr="SS"), 16),
            voi(lut(signed, 3000, 40000, 12), 16),
            noted,
        ),
        "Modality LUT of signed pixels, first as US": Misdescribed(
            made(
                picture(12, signed=True), 12, **WINDOW,
                ModalityLUTSequence=lut(le(ramp(4096, 12)), 4096, 65536 - 2048, 12),
            ),
            made(
                picture(12, signed=True), 12, **WINDOW,
                ModalityLUTSequence=lut(
                    le(ramp(4096, 12)), 4096, -2048, 12, descriptor_vr="SS"
                ),
            ),
            noted,
        ),
        "bright pixels alone, first negative": Misdescribed(
            made(
                np.abs(picture(12, signed=True)), 12,
                VOILUTSequence=lut(signed, 3000, 65536 - 1500, 12),
            ),
            made(
                np.abs(picture(12, signed=True)), 12,
                VOILUTSequence=lut(signed, 3000, -1500, 12, descriptor_vr="SS"),
            ),
            noted,
        ),
        "negative and touching no pixel that there may be": Misdescribed(
            voi(lut(le(ramp(4196, 12)), 4196, -100, 12, descriptor_vr="SS")),
            voi(lut(le(ramp(4196, 12)[100:]), 4096, 0, 12)),
            noted,
        ),
    }  # fmt: skip


def _count_and_packing() -> dict[str, Misdescribed]:
    words, eight = ramp(4096, 12), ramp(4096, 8)
    true, true_8 = voi(lut(le(words), 4096, 0, 12)), voi(lut(le(eight), 4096, 0, 8))
    odd = voi(lut(le(eight[:4095]), 4095, 0, 8))
    count, packing = (Tolerance.LUT_COUNT,), (Tolerance.LUT_PACKING,)
    full = voi(lut(le(ramp(65536, 12)), 0, 0, 12), 16)
    return {
        "count one too many": Misdescribed(voi(lut(le(words), 4097, 0, 12)), true, count),
        "count one too few": Misdescribed(voi(lut(le(words), 4095, 0, 12)), true, count),
        "half the count": Misdescribed(voi(lut(le(words), 2048, 0, 12)), true, count),
        "count in bytes": Misdescribed(voi(lut(le(words), 8192, 0, 12)), true, count),
        "count 0, which is 65536": Misdescribed(voi(lut(le(words), 0, 0, 12)), true, count),
        "65536 entries truly": Misdescribed(full, full),
        "zeros behind the entries": Misdescribed(
            voi(lut(le(words) + bytes(512), 4096, 0, 12)), true
        ),
        "packed in OW": Misdescribed(voi(lut(octets(eight), 4096, 0, 8)), true_8, packing),
        "packed in US": Misdescribed(
            voi(lut(octets(eight), 4096, 0, 8, vr="OW")), true_8, packing
        ),
        "packed, odd count": Misdescribed(
            voi(lut(octets(eight[:4095]), 4095, 0, 8)), odd, packing
        ),
        "packed, count one too many": Misdescribed(
            voi(lut(octets(eight), 4097, 0, 8)), true_8, (*packing, *count)
        ),
        "packed, described as 16 bits": Misdescribed(
            voi(lut(octets(eight), 4096, 0, 16)), true_8, packing
        ),
        "bytes in OB": Misdescribed(voi(lut(octets(eight), 4096, 0, 8, vr="OB")), true_8),
        "words in OB": Misdescribed(voi(lut(le(words), 4096, 0, 12, vr="OB")), true),
        "packed Modality LUT": Misdescribed(
            made(
                picture(12), 12, WindowCenter=128, WindowWidth=256,
                ModalityLUTSequence=lut(octets(eight), 4096, 0, 8),
            ),
            made(
                picture(12), 12, WindowCenter=128, WindowWidth=256,
                ModalityLUTSequence=lut(le(eight), 4096, 0, 8),
            ),
            packing,
        ),
        "the second LUT where the first has no entries": Misdescribed(
            voi(Sequence([*lut(b"", 4096, 0, 12), *lut(le(words), 4096, 0, 12)])), true
        ),
        "no LUT with entries, and a window": Misdescribed(
            voi(lut(b"", 4096, 0, 12), **WINDOW), made(picture(12), 12, **WINDOW),
            (Tolerance.LUT_UNUSABLE,),
        ),
    }  # fmt: skip


TABLES: tuple[Callable[[], dict[str, Misdescribed]], ...] = (
    _narrower,
    _first_value,
    _count_and_packing,
)
LUT_CASES = {name: case for table in TABLES for name, case in table().items()}
