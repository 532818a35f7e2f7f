"""Stores a trained network as a member of a bundle, as small as its scores allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import Member, NetworkInput
from screening.bundles.registry import describe_file
from screening.domain.scores import calibrate
from screening.ensemble.golden_images import golden_images, golden_scores
from screening.ensemble.input_views import ViewExtractor
from screening.ensemble.members import EnsembleMember
from screening.imaging.network_input.contrast import Contrast
from screening.imaging.network_input.lung_field import View
from screening.networks.weights import PRECISIONS, Precision, load_weights, save_weights
from training.inference.score_files import FileScorer, input_view_of
from training.networks.initial import load_network
from training.release.parity import Parity, keeps_parity, parity
from training.runs.held_out_scores import TrainedFold, both_sides


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPlace:
    """What a network is in the ensemble. architecture: as the stations know it."""

    name: str
    architecture: str
    weight: float
    temperature: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMember:
    """A member as it is stored.

    golden: its scores of the golden images. trained, stored: its scores of the compared images
    in float32, and with its weights as they are stored, (images, classes) each, not calibrated.
    """

    member: Member
    precision: Precision
    golden: list[tuple[float, ...]]
    trained: NDArray[np.float64]
    stored: NDArray[np.float64]

    @property
    def parity(self) -> Parity:
        """How far the stored network's calibrated scores are from the trained one's."""
        temperature = self.member.temperature
        before, after = (
            np.array([calibrate(row, temperature) for row in scores.tolist()])
            for scores in (self.trained, self.stored)
        )
        return parity(before, after)


def store_member(
    directory: Path,
    fold: TrainedFold,
    place: MemberPlace,
    compared: Sequence[Path],
    scorer: FileScorer,
    *,
    precision: Precision | None = None,
) -> StoredMember:
    """Write a member's weights into a bundle's directory, and score with the network that has them.

    compared: images that the trained and the stored network both score, here, on one device.
    precision: of the kernels; None: the smallest that keeps parity, for what the member weighs.
    """
    keras.backend.clear_session()
    trained = _scores(_trained(fold, scorer), fold, compared, scorer)

    def attempt(chosen: Precision) -> StoredMember:
        model = _trained(fold, scorer)
        weights = save_weights(model, directory, place.name, dtype=chosen)
        load_weights(model, weights)
        member = _member(fold, place, weights)
        return StoredMember(
            member=member,
            precision=chosen,
            golden=_golden(member, model, fold),
            trained=trained,
            stored=_scores(model, fold, compared, scorer),
        )

    *smaller, most_exact = (precision,) if precision else PRECISIONS
    for each in smaller:
        found = attempt(each)
        if keeps_parity(found.parity, place.weight):
            return found
        for file in found.member.weights:
            (directory / file.file).unlink()
    return attempt(most_exact)


def _trained(fold: TrainedFold, scorer: FileScorer) -> keras.Model:
    return load_network(fold.run, fold.fold, scorer.architectures)


def _scores(
    model: keras.Model, fold: TrainedFold, compared: Sequence[Path], scorer: FileScorer
) -> NDArray[np.float64]:
    return both_sides(scorer.probabilities(model, fold, compared))


def _golden(member: Member, model: keras.Model, fold: TrainedFold) -> list[tuple[float, ...]]:
    part = input_view_of(fold).part
    with keras.device("cpu:0"):
        extractor = ViewExtractor(part.finder if part else None)
        return golden_scores(EnsembleMember(member, model), golden_images(), extractor)


def _member(fold: TrainedFold, place: MemberPlace, weights: Sequence[Path]) -> Member:
    record = fold.record
    return Member(
        name=place.name,
        architecture=place.architecture,
        classes=record.classes,
        input=NetworkInput(
            height=record.height,
            width=record.width,
            value_range=record.value_range,
            view=View(record.view),
            contrast=Contrast(record.contrast),
            detail_pixels=record.detail_pixels,
        ),
        weights=tuple(describe_file(path) for path in weights),
        weight=place.weight,
        temperature=place.temperature,
        mirrored=record.mirrored,
        inner=record.inner,
        against_normal=record.against_normal,
    )
