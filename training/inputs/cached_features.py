"""What the lower part of a network makes of each image, kept on disk, and batches of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.whole_files import whole_path
from training.augmentation.geometry import image_random
from training.inputs.batches import RadiographBatches

_AT_ONCE = 64


class FeatureBatches(RadiographBatches):
    """Batches like others, of cached features in place of images.

    features: (versions, rows, height, width, channels) float16, of the other batches' rows in
    their order. Each time an image is drawn, one of its versions is.
    """

    def __init__(self, batches: RadiographBatches, features: NDArray[np.float16]) -> None:
        self._features = features
        self._slot = {row: n for n, row in enumerate(batches.rows.tolist())}
        super().__init__(
            np.zeros((len(batches.targets), 1, 1), np.float32),
            batches.targets,
            batches.spec,
            replace(batches.options, rows=batches.rows.tolist(), keys=batches.keys, augment=None),
        )

    def image(self, row: int, time: int) -> NDArray[np.float32]:
        """Return one version of what the lower part makes of a row."""
        random = image_random(self.options.seed, self.epoch, self.keys[row], int(time))
        version = int(random.integers(len(self._features)))
        return np.asarray(self._features[version, self._slot[int(row)]], np.float32)


def keep_features(
    lower: keras.Model,
    batches: RadiographBatches,
    path: Path,
    *,
    versions: int,
    on_kept: Callable[[int], None],
) -> NDArray[np.float16]:
    """Return what the lower part makes of all rows, from a file if it is there, else kept in it.

    versions: changed copies of each image, as many epochs of `batches` would show it.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (versions, len(batches.rows), *lower.output_shape[1:])
        with whole_path(path, sole_writer=True) as unfinished:
            kept: np.memmap[Any, Any] = np.lib.format.open_memmap(
                unfinished, mode="w+", dtype=np.float16, shape=shape
            )
            for version in range(versions):
                _fill(kept[version], lower, batches, version, on_kept)
            kept.flush()
    found: NDArray[np.float16] = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def _fill(
    kept: NDArray[Any],
    lower: keras.Model,
    batches: RadiographBatches,
    version: int,
    on_kept: Callable[[int], None],
) -> None:
    batches.begin_epoch(version)
    rows = batches.rows.tolist()
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        images = np.stack([batches.image(row, 0) for row in part])
        kept[start : start + len(part)] = np.asarray(lower.predict_on_batch(images), np.float16)
        on_kept(len(part))
