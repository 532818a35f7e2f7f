"""A trained network's scores of the crops that its run held out, kept in the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from screening.networks.architectures import Architecture
from training.data.manifest import ImageRow
from training.data.splits import Part
from training.inference.outputs import predict
from training.inputs.batches import BatchOptions, RadiographBatches
from training.inputs.crop_pack import CropPack
from training.inputs.input_view import input_spec, scoring_form
from training.networks.initial import load_network
from training.runs.folder import read_run
from training.runs.held_out_scores import (
    Predictions,
    TrainedFold,
    both_sides,
    examples_of,
    write_kept,
)

BATCH_SIZE = 64
AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Scoring:
    """A pack, its manifest's rows by pixels_sha256, networks, decoding threads."""

    pack: CropPack
    rows: Mapping[str, ImageRow]
    architectures: Mapping[str, Architecture]
    workers: int


def keep_scores(run: Path, scoring: Scoring) -> None:
    """Score validation and test images as a bundle would, and keep the scores."""
    fold = TrainedFold(run, 1, read_run(run))
    record = fold.record
    keras.backend.clear_session()
    network = load_network(run, 1, scoring.architectures)
    augmented = scoring_form(record).of(network)
    spec = input_spec(record)
    for part in (Part.VALIDATION, Part.TEST):
        examples = examples_of(fold, part, scoring.rows)
        digests = [each.pixels_sha256 for each in examples]
        outputs = []
        for start in range(0, len(digests), AT_ONCE):
            images = scoring.pack.images(
                digests[start : start + AT_ONCE], spec, exact=True, workers=scoring.workers
            )
            nothing = np.zeros((len(images), 1), np.float32)
            batches = RadiographBatches(images, nothing, spec, BatchOptions(batch_size=BATCH_SIZE))
            outputs.append(predict(augmented, batches, workers=scoring.workers))
        found = both_sides(np.concatenate(outputs))
        write_kept(fold, part, Predictions(record.classes, examples, found))
