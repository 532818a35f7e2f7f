"""From an 8-bit picture to a network's input; the same for training and serving."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.errors import UndecodablePixelsError
from screening.imaging.fingerprint_cases import fixed_objects
from screening.imaging.render import render_decoded

SHORTEST_SIDE_PIXELS = 64
FINGERPRINT_SIDES = ((23, 19), (71, 89))
"""Heights and widths the fingerprint resizes to; odd, so that nothing falls between two levels."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A network's input: height and width in pixels; the values of black and white."""

    height: int
    width: int
    value_range: tuple[float, float] = (0.0, 1.0)


def preprocess(image: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Resize one radiograph to a network's input.

    image: (rows, columns) uint8, 0 = black, 255 = white, MONOCHROME2 sense.
    Returns (spec.height, spec.width, 3) float32 in spec.value_range, three equal channels. The
    aspect ratio is not kept, as in the papers; the bilinear filter widens with the reduction, so
    nothing aliases.
    Raises UndecodablePixelsError where a side is shorter than 64 pixels.
    Source: rahimzadeh2020 section 2.1 (300 x 300, 1/255); khan2020 (150 x 150).
    """
    rows, columns = image.shape
    if min(rows, columns) < SHORTEST_SIDE_PIXELS:
        raise UndecodablePixelsError(
            f"expected sides of at least {SHORTEST_SIDE_PIXELS} pixels, found {rows} x {columns}"
        )
    grey = Image.fromarray(image.astype(np.float32))
    resized = np.asarray(grey.resize((spec.width, spec.height), Image.Resampling.BILINEAR))
    black, white = spec.value_range
    scaled = black + np.clip(resized, 0.0, 255.0) * ((white - black) / 255.0)
    return np.repeat(scaled.astype(np.float32)[..., np.newaxis], 3, axis=2)


def pixel_sha256(image: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of a rendered picture, its shape included, as 64 hexadecimal digits."""
    digest = hashlib.sha256(f"{image.dtype} {image.shape} ".encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()


def fingerprint() -> str:
    """Return the SHA-256 of what `render` and `preprocess` make of fixed pictures.

    A bundle stores it; a worker whose rendering or resizing gives anything else refuses the bundle.
    The resized pictures are rounded to whole grey levels, so that the last bits of a processor's
    arithmetic do not count.
    """
    digest = hashlib.sha256()
    for decoded in fixed_objects():
        picture = render_decoded(decoded).pixels
        digest.update(pixel_sha256(picture).encode())
        for height, width in FINGERPRINT_SIDES:
            resized = preprocess(picture, InputSpec(height, width, (-1.0, 1.0)))
            digest.update(np.rint((resized + 1.0) * 127.5).astype(np.uint8).tobytes())
    return digest.hexdigest()
