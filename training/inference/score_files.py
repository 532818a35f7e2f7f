"""Scores image files with a run's trained network."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.imaging.fingerprint import fingerprint
from screening.imaging.network_input.lung_field import View
from screening.imaging.network_input.preprocess import InputSpec
from screening.networks.architectures import Architecture
from training.errors import TrainingError
from training.inference.outputs import predict
from training.inputs.batches import BatchOptions, RadiographBatches
from training.inputs.decoded_images import load_images
from training.inputs.input_view import (
    InputView,
    input_spec,
    kept_lung_field,
    region_of_view,
    scoring_form,
)
from training.networks.catalogue import TRAINING_ARCHITECTURES
from training.networks.initial import load_network
from training.runs.held_out_scores import TrainedFold

BATCH_SIZE = 32
IMAGES_AT_ONCE = 256
"""Prepared and held in memory."""


class FileScorer:
    """Scores for `training.runs.held_out_scores`; shows its progress by `on_decoded`."""

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
        """Return the outputs, (images, outputs), of the float32 network of a fold.

        Raises TrainingError where the images would be prepared otherwise than for its training.
        """
        check_preprocessing(fold)
        keras.backend.clear_session()
        model = load_network(fold.run, fold.fold, self.architectures)
        return self.probabilities(model, fold, paths)

    def probabilities(
        self, model: keras.Model, fold: TrainedFold, paths: Sequence[Path]
    ) -> NDArray[np.float32]:
        """Return the probabilities of a fold's network for image files, as the stations score."""
        return self.outputs(scoring_form(fold.record).of(model), input_view_of(fold), paths)

    def outputs(
        self, model: keras.Model, input_view: InputView, paths: Sequence[Path]
    ) -> NDArray[np.float32]:
        """Return a network's outputs, (images, outputs), for image files."""
        images = load_images(
            paths,
            input_view.spec,
            exact=True,
            seen=input_view.part,
            workers=self._workers,
            cache_dir=self._cache_dir,
            on_decoded=self._on_decoded,
        )
        return self._predicted(model, input_view.spec, images)

    def outputs_of(
        self, model: keras.Model, input_view: InputView, images: Iterable[NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Return a network's outputs for rendered images, (rows, columns) uint8 each."""
        waiting = iter(images)
        found = []
        while some := list(islice(waiting, IMAGES_AT_ONCE)):
            prepared = np.stack([input_view(image) for image in some])
            found.append(self._predicted(model, input_view.spec, prepared))
        return np.concatenate(found)

    def _predicted(
        self, model: keras.Model, spec: InputSpec, images: NDArray[Any]
    ) -> NDArray[np.float32]:
        no_targets = np.zeros((len(images), 1), np.float32)
        batches = RadiographBatches(images, no_targets, spec, BatchOptions(batch_size=BATCH_SIZE))
        return predict(model, batches, workers=self._workers)


def input_view_of(fold: TrainedFold) -> InputView:
    """Return what the network of a fold takes of an image; TrainingError where it cannot be."""
    part = region_of_view(View(fold.record.view), kept_lung_field(fold.run))
    return InputView(input_spec(fold.record), part)


def check_preprocessing(fold: TrainedFold) -> None:
    """Raise TrainingError where this version prepares images otherwise than the run did."""
    expected, found = fold.record.preprocessing_fingerprint, fingerprint()
    if expected != found:
        raise TrainingError(
            f"{fold.run} was trained with preprocessing {expected}, found {found} in this version; "
            "use the version it was trained with, or train again"
        )
