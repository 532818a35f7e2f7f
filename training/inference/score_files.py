"""Puts picture files through a run's trained network."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.imaging.fingerprint import fingerprint
from screening.imaging.lung_field import View
from screening.imaging.preprocess import InputSpec
from screening.networks.architectures import Architecture
from screening.networks.test_time_augmentation import with_test_time_augmentation
from training.errors import TrainingError
from training.inference.outputs import predict
from training.inputs.batches import RadiographBatches
from training.inputs.decoded_images import load_pictures
from training.inputs.input_view import SeenAs, input_spec, kept_lung_field, seen_part
from training.networks.catalogue import TRAINING_ARCHITECTURES
from training.networks.initial import load_network
from training.runs.held_out_scores import TrainedFold

BATCH_SIZE = 32
PICTURES_AT_ONCE = 256
"""Prepared and held in memory."""


class Answering:
    """Answers for `training.runs.held_out_scores`; shows its progress by `on_decoded`."""

    def __init__(
        self,
        *,
        architectures: Mapping[str, Architecture] = TRAINING_ARCHITECTURES,
        workers: int = 2,
        cache_dir: Path | None = None,
        on_decoded: Callable[[int], None] | None = None,
    ) -> None:
        self.architectures = architectures
        self._workers, self._cache_dir, self._on_decoded = workers, cache_dir, on_decoded

    def __call__(self, fold: TrainedFold, paths: Sequence[Path]) -> NDArray[np.float32]:
        """Return the outputs, (pictures, outputs), of the float32 network of a fold.

        Raises TrainingError where the pictures would be prepared otherwise than for its training.
        """
        check_preprocessing(fold)
        keras.backend.clear_session()
        model = load_network(fold.run, fold.fold, self.architectures)
        return self.probabilities(model, seen_by(fold), paths)

    def probabilities(
        self, model: keras.Model, seen_as: SeenAs, paths: Sequence[Path]
    ) -> NDArray[np.float32]:
        """Return a network's probabilities for picture files, as the stations ask it."""
        return self.outputs(_as_asked(model, seen_as), seen_as, paths)

    def outputs(
        self, model: keras.Model, seen_as: SeenAs, paths: Sequence[Path]
    ) -> NDArray[np.float32]:
        """Return a network's outputs, (pictures, outputs), for picture files."""
        pictures = load_pictures(
            paths,
            seen_as.spec,
            exact=True,
            seen=seen_as.part,
            workers=self._workers,
            cache_dir=self._cache_dir,
            on_decoded=self._on_decoded,
        )
        return self._predicted(model, seen_as.spec, pictures)

    def outputs_of(
        self, model: keras.Model, seen_as: SeenAs, pictures: Iterable[NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Return a network's outputs for rendered pictures, (rows, columns) uint8 each."""
        waiting = iter(pictures)
        found = []
        while some := list(islice(waiting, PICTURES_AT_ONCE)):
            prepared = np.stack([seen_as(picture) for picture in some])
            found.append(self._predicted(model, seen_as.spec, prepared))
        return np.concatenate(found)

    def _predicted(
        self, model: keras.Model, spec: InputSpec, pictures: NDArray[Any]
    ) -> NDArray[np.float32]:
        no_targets = np.zeros((len(pictures), 1), np.float32)
        batches = RadiographBatches(pictures, no_targets, spec, batch_size=BATCH_SIZE)
        return predict(model, batches, workers=self._workers)


def _as_asked(model: keras.Model, seen_as: SeenAs) -> keras.Model:
    return with_test_time_augmentation(model, mirrored=seen_as.mirrored, inner=seen_as.inner)


def seen_by(fold: TrainedFold) -> SeenAs:
    """Return what the network of a fold takes of a picture; TrainingError where it cannot be."""
    part = seen_part(View(fold.record.view), kept_lung_field(fold.run))
    return SeenAs(input_spec(fold.record), part, fold.record.mirrored, fold.record.inner)


def check_preprocessing(fold: TrainedFold) -> None:
    """Raise TrainingError where this version prepares pictures otherwise than the run did."""
    expected, found = fold.record.preprocessing_fingerprint, fingerprint()
    if expected != found:
        raise TrainingError(
            f"{fold.run} was trained with preprocessing {expected}, found {found} in this version; "
            "use the version it was trained with, or train again"
        )
