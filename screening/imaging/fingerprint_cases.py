"""The fixed images whose rendering, cropping and resizing the fingerprint is taken of.

Between them they pass every step of `render`; each case is a literal set of attributes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from screening.imaging.network_input.lung_field import Box
from screening.imaging.pixels.decode import DecodedPixels

ROWS, COLUMNS = 67, 91
SEED = 20
LUT: Mapping[str, Any] = {
    "LUTDescriptor": [5, 900, 10],
    "LUTData": [0, 100, 350, 800, 1023],
}
NEGATED: Mapping[str, Any] = {"RescaleSlope": -1, "RescaleIntercept": 9}
GREY_CASES: tuple[Mapping[str, Any], ...] = (
    {},
    {"WindowCenter": 1800, "WindowWidth": 2500},
    {"WindowCenter": 1800, "WindowWidth": 2500, "VOILUTFunction": "LINEAR_EXACT"},
    {"WindowCenter": 1800, "WindowWidth": 2500, "VOILUTFunction": "SIGMOID"},
    {"WindowCenter": [-1800, 5], "WindowWidth": [3000, 5], **NEGATED},
    {"WindowCenter": 0, "WindowWidth": 0, "PixelPaddingValue": 0, "PixelPaddingRangeLimit": 800},
    {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    {"VOILUTSequence": LUT, "WindowCenter": 1, "WindowWidth": 2},
    {"ModalityLUTSequence": LUT, "PresentationLUTShape": "INVERSE"},
)
FIXED_BOX = Box(left=0.072, top=0.018, right=0.931, bottom=0.983)
"""Leaves (65, 79) of (67, 91): odd too, and more than the shortest side."""


def fixed_lungs() -> NDArray[np.float32]:
    """Return (128, 128) probabilities of two ellipses, like lungs."""
    rows, columns = np.mgrid[0:128, 0:128]
    halves = [
        ((rows - 61) / 43) ** 2 + ((columns - middle) / 19) ** 2 < 1 for middle in (41.5, 84.5)
    ]
    return np.where(halves[0] | halves[1], np.float32(0.9), np.float32(0))


def fixed_pixels() -> NDArray[np.uint16]:
    """Return (67, 91) pseudo-random values of 12 bits, lighter towards the middle."""
    grain = np.random.default_rng(SEED).integers(0, 1500, (ROWS, COLUMNS))
    light = np.outer(np.bartlett(ROWS), np.bartlett(COLUMNS)) * 2500
    return (grain + light).astype(np.uint16)


def fixed_objects() -> Iterator[DecodedPixels]:
    """Yield the cases as decoded objects: each grey case, then one in colour."""
    pixels = fixed_pixels()
    for case in GREY_CASES:
        yield _decoded(pixels, case)
    colours = np.stack([pixels >> 4, pixels & 255, 255 - (pixels >> 4)], axis=2)
    yield _decoded(colours.astype(np.uint8), {"PhotometricInterpretation": "RGB"})


def _decoded(pixels: NDArray[Any], attributes: Mapping[str, Any]) -> DecodedPixels:
    data_set = _data_set({"PixelRepresentation": 0, **attributes})
    photometric = str(data_set.get("PhotometricInterpretation", "MONOCHROME2"))
    bits_stored = 12 if pixels.ndim == 2 else 8  # noqa: PLR2004  grey has rows and columns only
    return DecodedPixels(pixels, data_set, "", photometric, bits_stored)


def _data_set(attributes: Mapping[str, Any]) -> Dataset:
    data_set = Dataset()
    for keyword, value in attributes.items():
        is_sequence = isinstance(value, Mapping)
        setattr(data_set, keyword, [_data_set(value)] if is_sequence else value)
    return data_set
