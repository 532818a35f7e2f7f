"""How often each image is drawn, so that no class is the source that most of it comes from."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def balanced_chances(
    strata: Sequence[int], sources: Sequence[str], shares: Sequence[float]
) -> NDArray[np.float64]:
    """Return each image's chance, (images,), adding up to 1.

    strata, sources: of each image. shares: of each stratum; of those that have images, a stratum
    is drawn in proportion to its share.

    Within a stratum a source counts by the square root of its number of images, a middle between
    images alike, which leaves a small source unseen, and sources alike, which shows its few images
    too often.
    """
    number = Counter(zip(strata, sources, strict=True))
    roots = dict.fromkeys(strata, 0.0)
    for (stratum, _), images in number.items():
        roots[stratum] += math.sqrt(images)
    whole = sum(shares[stratum] for stratum in roots)
    chances = [
        shares[stratum] / whole / roots[stratum] / math.sqrt(number[stratum, source])
        for stratum, source in zip(strata, sources, strict=True)
    ]
    return np.array(chances)
