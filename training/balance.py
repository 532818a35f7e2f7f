"""How often each image is drawn, so that no class is the source that most of it comes from."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def balanced_chances(classes: Sequence[str], sources: Sequence[str]) -> NDArray[np.float64]:
    """Return each image's chance, (images,), adding up to 1.

    Classes are drawn alike; within a class a source by the square root of its number of images, a
    middle between images alike, which leaves a small source unseen, and sources alike, which shows
    its few images too often.
    """
    number = Counter(zip(classes, sources, strict=True))
    roots = dict.fromkeys(classes, 0.0)
    for (klass, _), images in number.items():
        roots[klass] += math.sqrt(images)
    chances = [
        1 / math.sqrt(number[klass, source]) / roots[klass] / len(roots)
        for klass, source in zip(classes, sources, strict=True)
    ]
    return np.array(chances)
