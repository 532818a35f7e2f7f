"""Puts picture files through a run's trained network."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.imaging.lung_field import View
from screening.imaging.preprocess import InputSpec, fingerprint
from screening.networks.architectures import Architecture
from training.architectures.catalogue import TRAINING_ARCHITECTURES
from training.errors import TrainingError
from training.pictures import exact_values, load_pictures
from training.pipeline import RadiographBatches
from training.predict import predict
from training.predictions import TrainedFold
from training.seen_part import SeenPart, input_spec, kept_lung_field, seen_part
from training.start_network import load_network

BATCH_SIZE = 32


class Answering:
    """Answers for `training.predictions`; shows its progress by `on_decoded`."""

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
        return self.outputs(model, fold, paths)

    def outputs(
        self, model: keras.Model, fold: TrainedFold, paths: Sequence[Path]
    ) -> NDArray[np.float32]:
        """Return a network's outputs, (pictures, outputs), for pictures prepared as in its run."""
        spec = input_spec(fold.record)
        pictures = load_pictures(
            paths,
            spec,
            exact=True,
            seen=_seen(fold),
            workers=self._workers,
            cache_dir=self._cache_dir,
            on_decoded=self._on_decoded,
        )
        return self._predicted(model, spec, pictures)

    def outputs_of(
        self, model: keras.Model, fold: TrainedFold, pictures: Sequence[NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Return a network's outputs for rendered pictures, (rows, columns) uint8 each."""
        spec, seen = input_spec(fold.record), _seen(fold)
        parts = [seen.of(picture) for picture in pictures] if seen else pictures
        prepared = np.stack([exact_values(part, spec) for part in parts])
        return self._predicted(model, spec, prepared)

    def _predicted(
        self, model: keras.Model, spec: InputSpec, pictures: NDArray[Any]
    ) -> NDArray[np.float32]:
        no_targets = np.zeros((len(pictures), 1), np.float32)
        batches = RadiographBatches(pictures, no_targets, spec, batch_size=BATCH_SIZE)
        return predict(model, batches, workers=self._workers)


def _seen(fold: TrainedFold) -> SeenPart | None:
    return seen_part(View(fold.record.view), kept_lung_field(fold.run))


def check_preprocessing(fold: TrainedFold) -> None:
    """Raise TrainingError where this version prepares pictures otherwise than the run did."""
    expected, found = fold.record.preprocessing_fingerprint, fingerprint()
    if expected != found:
        raise TrainingError(
            f"{fold.run} was trained with preprocessing {expected}, found {found} in this version; "
            "use the version it was trained with, or train again"
        )
