"""Refuses rendered images that nothing can be screened in: too small, too narrow, or blank."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.domain.eligibility import EligibilityRules, Reason, Refusal

LEAST_SPREAD = 4.0
"""Standard deviation in grey levels (of 255); a chest radiograph has 30 to 80."""
LEAST_GREY_LEVELS = 8
"""Distinct grey levels; a drawing or a mask has fewer."""
DEFAULT_RULES = EligibilityRules()


def image_refusal(
    image: NDArray[np.uint8], rules: EligibilityRules = DEFAULT_RULES
) -> Refusal | None:
    """Return why a rendered image cannot be screened, None where it can.

    image: (rows, columns) uint8, as `render` gives it.
    """
    rows, columns = image.shape
    found = f"{rows} x {columns} pixels"
    if min(rows, columns) < rules.minimum_side_pixels:
        return Refusal(Reason.TOO_SMALL, found)
    if not rules.narrowest_aspect_ratio <= columns / rows <= rules.widest_aspect_ratio:
        return Refusal(Reason.ODD_ASPECT_RATIO, found)
    return _blank(image)


def _blank(image: NDArray[np.uint8]) -> Refusal | None:
    # Pillow counts bytes as they are; NumPy's bincount first makes 64 bits of each.
    counts: NDArray[np.integer[Any]] = np.array(Image.fromarray(image).histogram())
    grey = np.arange(256)
    mean = float(counts @ grey) / image.size
    spread = float(np.sqrt(counts @ (grey - mean) ** 2 / image.size))
    levels = int(np.count_nonzero(counts))
    if spread >= LEAST_SPREAD and levels >= LEAST_GREY_LEVELS:
        return None
    return Refusal(Reason.BLANK_IMAGE, f"{levels} grey levels, standard deviation {spread:.1f}")
