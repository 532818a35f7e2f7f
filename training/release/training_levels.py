"""The grey levels of a bundle's training: a site's grey-level curve leads to them.

Each hospital counts alike, however many images it gave. An image is cropped and resized as the
stations do it, and images in which no lung field is found do not count.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from screening.bundles.registry import Bundle
from screening.ensemble.ensemble import Ensemble
from screening.imaging.network_input.grey_levels import training_quantiles
from screening.imaging.rendering.radiograph_file import read_radiograph
from training.data.evenly_spread import evenly_spread
from training.data.hospitals import hospitals_seen
from training.data.manifest import ImageRow
from training.data.splits import Part
from training.runs.folder import read_split
from training.runs.held_out_scores import TrainedFold

IMAGES_OF_A_HOSPITAL = 150
"""At most so many, evenly spread over the manifest."""
FEWEST_OF_A_HOSPITAL = 30
"""One with fewer does not count."""


def measure_training_levels(
    ensemble: Ensemble, rows: Sequence[ImageRow], *, workers: int = 2
) -> tuple[float, ...]:
    """Return the quantiles of the training's grey levels, empty where no hospital has enough.

    rows: images of the training. workers: threads that decode. Raises RejectedInstanceError where a
    file holds no usable image.
    """

    def levels(path: Path) -> tuple[float, ...]:
        prepared = ensemble.prepare(read_radiograph(path).pixels)
        return () if prepared.refusal else ensemble.level_quantiles(prepared)

    found = []
    with ThreadPoolExecutor(workers, "decode") as threads:
        for own in _by_hospital(rows):
            chosen = evenly_spread(own, IMAGES_OF_A_HOSPITAL)
            images = threads.map(levels, [row.path for row in chosen])
            found.append([one for one in images if one])
    enough = [one for one in found if len(one) >= FEWEST_OF_A_HOSPITAL]
    if not enough:
        return ()
    # as many of each, so that each counts alike
    least = min(map(len, enough))
    return training_quantiles([one for images in enough for one in evenly_spread(images, least)])


def rows_trained_on(
    folds: Sequence[TrainedFold], rows: Mapping[str, ImageRow]
) -> tuple[ImageRow, ...]:
    """Return the images that folds were trained on; rows: by pixels_sha256."""
    used = {
        each.pixels_sha256: rows[each.pixels_sha256]
        for fold in folds
        for each in read_split(fold.directory)
        if each.part is Part.TRAIN
    }
    return tuple(used.values())


def rows_of_known_hospitals(bundle: Bundle, rows: Sequence[ImageRow]) -> tuple[ImageRow, ...]:
    """Return the images of hospitals that a bundle's manifest says it was trained on."""
    known = hospitals_seen(bundle.manifest.provenance)
    return tuple(row for row in rows if row.hospital in known and not row.duplicate_of)


def _by_hospital(rows: Sequence[ImageRow]) -> list[list[ImageRow]]:
    by_hospital: dict[str, list[ImageRow]] = {}
    for row in rows:
        by_hospital.setdefault(row.hospital, []).append(row)
    return [own for _, own in sorted(by_hospital.items()) if len(own) >= FEWEST_OF_A_HOSPITAL]
