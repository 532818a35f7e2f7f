"""What a trained network answers to the crops it held out, kept in its run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from screening.networks.architectures import Architecture
from screening.networks.test_time_augmentation import with_test_time_augmentation
from training.data.manifest import ImageRow
from training.data.splits import Part
from training.inference.outputs import predict
from training.inputs.batches import RadiographBatches
from training.inputs.crop_pack import CropPack
from training.inputs.input_view import input_spec
from training.networks.initial import load_network
from training.runs.folder import read_run
from training.runs.held_out_scores import (
    Predictions,
    TrainedFold,
    both_sides,
    questions_of,
    write_kept,
)

BATCH_SIZE = 64
AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked: a pack, its manifest's rows by pixels_sha256, networks, decoding threads."""

    pack: CropPack
    rows: Mapping[str, ImageRow]
    architectures: Mapping[str, Architecture]
    workers: int


def keep_answers(run: Path, asking: Asking) -> None:
    """Ask a run's network about validation and test, as a bundle would be, and keep the answers."""
    fold = TrainedFold(run, 1, read_run(run))
    record = fold.record
    keras.backend.clear_session()
    network = load_network(run, 1, asking.architectures)
    asked = with_test_time_augmentation(network, mirrored=record.mirrored, inner=record.inner)
    spec = input_spec(record)
    for part in (Part.VALIDATION, Part.TEST):
        questions = questions_of(fold, part, asking.rows)
        digests = [each.pixels_sha256 for each in questions]
        outputs = []
        for start in range(0, len(digests), AT_ONCE):
            pictures = asking.pack.pictures(
                digests[start : start + AT_ONCE], spec, exact=True, workers=asking.workers
            )
            nothing = np.zeros((len(pictures), 1), np.float32)
            batches = RadiographBatches(pictures, nothing, spec, batch_size=BATCH_SIZE)
            outputs.append(predict(asked, batches, workers=asking.workers))
        found = both_sides(np.concatenate(outputs))
        write_kept(fold, part, Predictions(record.classes, questions, found))
