"""From an 8-bit image to a network's input; the same for training and serving."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.errors import UndecodablePixelsError
from screening.imaging.network_input.contrast import Contrast, equalised

SHORTEST_SIDE_PIXELS = 64
_ENLARGED_BY = Image.Resampling.BICUBIC


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network takes of an image."""

    height: int
    """Pixels."""
    width: int
    """Pixels."""
    value_range: tuple[float, float] = (0.0, 1.0)
    """Black and white."""
    contrast: Contrast = Contrast.AS_RENDERED
    detail_pixels: int | None = None
    """The image is first reduced to so many pixels in height and in width, which leaves no finer
    detail; None: it keeps its own."""


def preprocess(image: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Resize one radiograph to a network's input.

    image: (rows, columns) uint8, 0 = black, 255 = white, MONOCHROME2 sense.
    Returns (spec.height, spec.width, 3) float32 in spec.value_range, three equal channels. The
    aspect ratio is not kept, as in the papers; the bilinear filter widens with the reduction, so
    nothing aliases. Detail is reduced by means over areas and enlarged by the bicubic filter.
    Equalisation comes last, over the resized image.
    Raises UndecodablePixelsError where a side is shorter than 64 pixels.
    Source: rahimzadeh2020 section 2.1 (300 x 300, 1/255); khan2020 (150 x 150).
    """
    return preprocess_reduced(reduced(image, spec.detail_pixels), spec)


def reduced(image: NDArray[np.uint8], detail_pixels: int | None) -> Image.Image:
    """Return one radiograph as Pillow's floats, with its detail reduced.

    image: as for `preprocess`. detail_pixels: that of an `InputSpec`. Networks that see the same
    detail of the same view share it. Raises UndecodablePixelsError as `preprocess` does.
    """
    rows, columns = image.shape
    if min(rows, columns) < SHORTEST_SIDE_PIXELS:
        raise UndecodablePixelsError(
            f"expected sides of at least {SHORTEST_SIDE_PIXELS} pixels, found {rows} x {columns}"
        )
    grey = Image.fromarray(image).convert("F")
    if detail_pixels is None:
        return grey
    return grey.resize((detail_pixels, detail_pixels), Image.Resampling.BOX)


def preprocess_reduced(grey: Image.Image, spec: InputSpec) -> NDArray[np.float32]:
    """Resize what `reduced` gives of a radiograph for a spec's detail, as `preprocess` does."""
    filter_ = Image.Resampling.BILINEAR if spec.detail_pixels is None else _ENLARGED_BY
    resized = np.asarray(grey.resize((spec.width, spec.height), filter_))
    levels = np.clip(resized, 0.0, 255.0)
    if spec.contrast is Contrast.EQUALISED:
        levels = equalised(levels).astype(np.float32)
    black, white = spec.value_range
    scaled = black + levels * ((white - black) / 255.0)
    return np.repeat(scaled.astype(np.float32)[..., np.newaxis], 3, axis=2)


def pixel_sha256(image: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of a rendered image, its shape included, as 64 hexadecimal digits."""
    digest = hashlib.sha256(f"{image.dtype} {image.shape} ".encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()
