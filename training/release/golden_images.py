"""The pictures by which a station knows that it computes as the bundle's maker did."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screening.bundles.manifest import Golden
from screening.bundles.registry import describe_file
from screening.domain.scores import SCORE_TOLERANCE
from screening.imaging.phantom_image import phantom_image
from training.inference.score_files import Answering, seen_by
from training.runs.held_out_scores import TrainedFold, both_sides

GOLDEN_IMAGES = 3
GOLDEN_SIDE_PIXELS = 512
GOLDEN_SEED = 20200407


def golden_images() -> list[NDArray[np.uint8]]:
    """Return phantoms, (512, 512) each, the same at every call: nobody's radiograph."""
    return [
        phantom_image(GOLDEN_SEED + n, GOLDEN_SIDE_PIXELS, GOLDEN_SIDE_PIXELS)
        for n in range(GOLDEN_IMAGES)
    ]


def golden_scores(
    fold: TrainedFold, model: keras.Model, answering: Answering
) -> list[tuple[float, ...]]:
    """Return a member's probabilities for each golden image, before calibration."""
    with keras.device("cpu:0"):
        scores = both_sides(answering.probabilities_of(model, seen_by(fold), golden_images()))
    return [tuple(row) for row in scores.round(6).tolist()]


def write_golden(
    directory: Path, scores: Mapping[str, Sequence[tuple[float, ...]]]
) -> tuple[Golden, ...]:
    """Write the pictures and return their entries; scores: by member, in the pictures' order."""
    golden = []
    for place, image in enumerate(golden_images()):
        path = directory / f"golden-{place + 1}.png"
        Image.fromarray(image).save(path)
        golden.append(
            Golden(
                **describe_file(path).model_dump(),
                member_scores={name: rows[place] for name, rows in scores.items()},
                tolerance=SCORE_TOLERANCE,
            )
        )
    return tuple(golden)
