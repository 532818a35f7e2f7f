"""Scores held-out images with a bundle's ensemble, the same one that screens."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import Member
from screening.domain.eligibility import Refusal
from screening.ensemble.ensemble import Ensemble, Inference
from screening.ensemble.examination import check_and_prepare
from screening.ensemble.input_views import PreparedInput
from screening.errors import RejectedInstanceError
from screening.imaging.network_input.image_check import image_refusal
from screening.imaging.rendering.radiograph_file import read_radiograph
from training.errors import DataError
from training.runs.held_out_scores import Example, Predictions, both_sides

Item = TypeVar("Item")

BATCH_SIZE = 32
"""Images scored at once."""


def infer_files(ensemble: Ensemble, paths: Sequence[Path], *, workers: int = 2) -> list[Inference]:
    """Return the scores of each file's image, and why a station refuses it, in order.

    Refused images are scored, too: figures are of every held-out image. workers: threads that
    decode. Raises DataError where a file holds no usable image.
    """

    def prepare(path: Path) -> tuple[PreparedInput, Refusal | None]:
        image = _read(path)
        return ensemble.prepare(image), image_refusal(image)

    found: list[Inference] = []
    with ThreadPoolExecutor(workers, "decode") as threads:
        for some in in_batches(paths):
            prepared, refusals = zip(*threads.map(prepare, some), strict=True)
            found += [
                replace(inferred, refusal=refusal or inferred.refusal)
                for inferred, refusal in zip(ensemble.infer(prepared), refusals, strict=True)
            ]
    return found


def infer_prepared(ensemble: Ensemble, prepared: Iterable[PreparedInput]) -> list[Inference]:
    """Return what `Ensemble.infer` does, for any number of prepared images."""
    return [found for some in in_batches(prepared) for found in ensemble.infer(some)]


def refusals_of(ensemble: Ensemble, images: Sequence[NDArray[np.uint8]]) -> list[Refusal | None]:
    """Return why a station refuses each rendered (rows, columns) image, None where it scores it."""
    checked = [check_and_prepare(image, ensemble.prepare) for image in images]
    refusals = iter(ensemble.refusals([one for one in checked if isinstance(one, PreparedInput)]))
    return [one if isinstance(one, Refusal) else next(refusals) for one in checked]


def member_predictions(
    members: Sequence[Member], examples: tuple[Example, ...], inferred: Sequence[Inference]
) -> list[Predictions]:
    """Return each member's probabilities in its own classes; inferred: of the examples' images."""
    return [
        Predictions(
            member.classes,
            examples,
            both_sides(
                np.array([list(each.scores.members[place].raw.values()) for each in inferred])
            ),
        )
        for place, member in enumerate(members)
    ]


def in_batches(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    """Yield items in tuples of `BATCH_SIZE`, the last one perhaps smaller."""
    waiting = iter(items)
    while some := tuple(islice(waiting, BATCH_SIZE)):
        yield some


def _read(path: Path) -> NDArray[np.uint8]:
    try:
        return read_radiograph(path).pixels
    except (RejectedInstanceError, OSError) as error:
        raise DataError(
            f"{path}: expected a readable radiograph, found none ({error}); take it out of the "
            "manifest or replace it"
        ) from error
