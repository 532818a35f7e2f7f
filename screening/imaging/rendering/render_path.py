"""A rendered image and the steps that made it, which are stored with the result."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from screening.imaging.tolerance import Tolerance


class ModalityStep(StrEnum):
    """What gave the modality values. Source: PS3.3 C.11.1."""

    SEQUENCE = "sequence"
    RESCALE = "rescale"
    NONE = "none"


class VoiStep(StrEnum):
    """What gave the grey levels; NONE for colour. Source: PS3.3 C.11.2."""

    LUT = "lut"
    LINEAR = "linear"
    LINEAR_EXACT = "linear_exact"
    SIGMOID = "sigmoid"
    PERCENTILE = "percentile"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderPath:
    """The steps from stored values to grey; transfer_syntax_uid is "" for a picture file.

    tolerated: in what the object was not taken at its word, each thing once or more.
    """

    transfer_syntax_uid: str
    modality_lut: ModalityStep = ModalityStep.NONE
    voi: VoiStep = VoiStep.NONE
    inverted: bool = False
    padding_masked: bool = False
    luma: bool = False
    tolerated: tuple[Tolerance, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """pixels: (rows, columns) uint8, 0 = black, 255 = white, MONOCHROME2 sense."""

    pixels: NDArray[np.uint8]
    path: RenderPath
