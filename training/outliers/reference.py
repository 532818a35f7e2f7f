"""What images that a bundle knows look like: the reference that drift is told from.

Of each source that a bundle was trained on, held-out images are scored as the stations score them;
the quantiles of their statistics and scores, and the means of their features, are kept. Images that
the networks were fitted to would look more alike than any others can.
"""

from collections.abc import Sequence

import numpy as np

from screening.domain.drift import STEPS, RecentImage, SourceReference
from screening.domain.image_statistics import KNOWN_NAMES
from screening.ensemble.ensemble import Ensemble, Inference
from training.data.evenly_spread import evenly_spread
from training.data.manifest import ImageRow
from training.inference.bundle_inference import infer_files

FEWEST_OF_A_SOURCE = 30
"""A source with fewer is left out: its distribution would be mostly chance."""
IMAGES_OF_A_SOURCE = 200
"""At most so many are scored, evenly spread over the manifest."""
_DIGITS = 5


def measure_reference(
    ensemble: Ensemble, rows: Sequence[ImageRow], *, workers: int = 2
) -> tuple[SourceReference, ...]:
    """Return the reference of a bundle, empty where no source has enough images that it scores.

    rows: images of sources that it knows, held out. workers: threads that decode. Raises DataError
    where a file holds no usable image.
    """
    found = []
    for name, own in images_by_source(rows).items():
        paths = [row.path for row in evenly_spread(own, IMAGES_OF_A_SOURCE)]
        inferred = infer_files(ensemble, paths, workers=workers)
        images = [_image(one) for one in inferred if one.refusal is None]
        if len(images) >= FEWEST_OF_A_SOURCE:
            found.append(source_reference(name, images))
    return tuple(found)


def images_by_source(rows: Sequence[ImageRow]) -> dict[str, list[ImageRow]]:
    """Return the images of each source that has enough, by its name."""
    by_source: dict[str, list[ImageRow]] = {}
    for row in sorted(rows, key=lambda row: row.source):
        by_source.setdefault(row.source, []).append(row)
    return {name: own for name, own in by_source.items() if len(own) >= FEWEST_OF_A_SOURCE}


def source_reference(name: str, images: Sequence[RecentImage]) -> SourceReference:
    """Return what images of one source look like; none of them refused."""
    quantiles = {
        quantity: _rounded(
            np.quantile([image.values[quantity] for image in images], np.linspace(0, 1, STEPS + 1))
        )
        for quantity in KNOWN_NAMES
        if all(quantity in image.values for image in images)
    }
    means = np.mean([image.features for image in images], axis=0)
    return SourceReference(name, len(images), quantiles, _rounded(means))


def _image(inferred: Inference) -> RecentImage:
    values = {**inferred.statistics.numbers(), **inferred.scores.ensemble.as_dict()}
    return RecentImage(values, inferred.statistics.features)


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) for value in values)
