"""A rendered image at a network's size, in the two forms that training takes."""

import numpy as np
from numpy.typing import NDArray

from screening.imaging.network_input.preprocess import InputSpec, preprocess


def whole_grey_levels(image: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """Return an image at network size, (spec.height, spec.width) uint8, for augmentation.

    The contrast is left to what follows augmentation.
    """
    whole = InputSpec(spec.height, spec.width, (0.0, 255.0), detail_pixels=spec.detail_pixels)
    grey = preprocess(image, whole)[..., 0]
    return np.rint(grey).astype(np.uint8)


def exact_values(image: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Return one of the three equal channels of `preprocess`, (spec.height, spec.width)."""
    return preprocess(image, spec)[..., 0]
