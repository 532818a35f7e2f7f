"""What this version makes of fixed images: by it a bundle knows the version it was made for."""

import hashlib
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from screening.imaging.fingerprint_cases import FIXED_BOX, fixed_lungs, fixed_objects
from screening.imaging.network_input.contrast import Contrast
from screening.imaging.network_input.lung_field import LungFieldSpec, crop, lung_box, network_input
from screening.imaging.network_input.preprocess import InputSpec, pixel_sha256, preprocess
from screening.imaging.rendering.render import render_decoded

FINGERPRINT_SIDES = ((23, 19), (71, 89))
"""Heights and widths the fingerprint resizes to; odd, so that nothing falls between two levels."""
FINGERPRINT_DETAIL = InputSpec(*FINGERPRINT_SIDES[0], (-1.0, 1.0), detail_pixels=13)
"""An input of reduced detail."""


def fingerprint() -> str:
    """Return the SHA-256 of what rendering, cropping and `preprocess` make of fixed images.

    A bundle stores it; a worker whose arithmetic gives anything else refuses the bundle. Numbers
    are rounded before they are digested, so that the last bits of a processor do not count.
    """
    digest = hashlib.sha256()
    for decoded in fixed_objects():
        image = render_decoded(decoded).pixels
        digest.update(pixel_sha256(image).encode())
        digest.update(_rounded(network_input(image, LungFieldSpec(*FINGERPRINT_SIDES[0])), 16))
        for view in (image, crop(image, FIXED_BOX)):
            for contrast in Contrast:
                for height, width in FINGERPRINT_SIDES:
                    spec = InputSpec(height, width, (-1.0, 1.0), contrast)
                    digest.update(_rounded(preprocess(view, spec), 127.5))
            digest.update(_rounded(preprocess(view, FINGERPRINT_DETAIL), 127.5))
    found = lung_box(fixed_lungs(), LungFieldSpec())
    digest.update(_rounded(np.array(astuple(found) if found else ()), 1e6))
    return digest.hexdigest()


def _rounded(values: NDArray[np.floating], per_unit: float) -> bytes:
    whole: NDArray[np.int32] = np.rint(values * per_unit).astype("<i4")
    return whole.tobytes()
