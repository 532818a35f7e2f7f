"""Golden images: by their scores a station knows that it computes as the bundle's maker did.

Importing this module loads TensorFlow.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.bundles.manifest import Golden
from screening.bundles.registry import describe_file
from screening.ensemble.input_views import ViewExtractor
from screening.ensemble.members import EnsembleMember
from screening.imaging.network_input.preprocess import preprocess
from screening.imaging.phantoms.phantom_image import phantom_image

GOLDEN_IMAGES = 3
GOLDEN_SIDE_PIXELS = 512
GOLDEN_SEED = 20200407

_DIGITS = 6


def golden_images(seed: int = GOLDEN_SEED, count: int = GOLDEN_IMAGES) -> list[NDArray[np.uint8]]:
    """Return phantoms, (512, 512) each, the same for the same seed: nobody's radiograph.

    They are drawn once, and read-only.
    """
    return [_golden_image(seed + place) for place in range(count)]


@cache
def _golden_image(seed: int) -> NDArray[np.uint8]:
    image = phantom_image(seed, GOLDEN_SIDE_PIXELS, GOLDEN_SIDE_PIXELS)
    image.flags.writeable = False
    return image


def golden_scores(
    member: EnsembleMember, images: Sequence[NDArray[np.uint8]], extractor: ViewExtractor
) -> list[tuple[float, ...]]:
    """Return a member's probabilities for golden images, before calibration, to 6 digits."""
    view = member.member.input.view
    batch = [preprocess(extractor.views(image).pixels[view], member.spec) for image in images]
    rows = member.outputs(np.stack(batch)).probabilities
    return [tuple(row) for row in rows.astype(np.float64).round(_DIGITS).tolist()]


def write_golden(
    directory: Path,
    images: Sequence[NDArray[np.uint8]],
    scores: Mapping[str, Sequence[tuple[float, ...]]],
    tolerance: float,
) -> tuple[Golden, ...]:
    """Write golden images to a bundle's directory and return the manifest's entries.

    scores: by member, in the order of the images. tolerance: of one probability, 0 to 0.1.
    """
    golden = []
    for place, image in enumerate(images):
        path = directory / f"golden-{place + 1}.png"
        Image.fromarray(image).save(path)
        golden.append(
            Golden(
                **dict(describe_file(path)),
                member_scores={name: rows[place] for name, rows in scores.items()},
                tolerance=tolerance,
            )
        )
    return tuple(golden)
