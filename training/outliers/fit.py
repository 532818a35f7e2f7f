"""Fits a bundle's outlier check: what its images look like, and what they do not.

The distance is fitted to training images, the plane to them and to the same turned, inverted or
drawn; thresholds are chosen on validation images, and raised until a hospital that was left out
of the fit would hardly lose more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from screening.bundles.manifest import Member
from screening.bundles.parts import Discriminant, OutlierCheckMethod, OutlierCheckSection
from screening.bundles.registry import describe_file
from screening.ensemble.feature_discriminant import FeatureDiscriminant, write_discriminant
from screening.ensemble.feature_statistics import (
    FeatureStatistics,
    choose_threshold,
    fit_statistics,
    write_statistics,
)
from screening.ensemble.members import load_network
from screening.imaging.rendering.radiograph_file import read_radiograph
from screening.networks.feature_maps import last_feature_map
from training.data.evenly_spread import evenly_spread
from training.data.manifest import ImageRow
from training.data.splits import Part
from training.errors import TrainingError
from training.evaluation.ridge import fit_plane
from training.inference.features import feature_network
from training.inference.score_files import FileScorer, input_view_of
from training.inputs.input_view import InputView
from training.outliers.outlier_images import CHANGES, DRAWN, TEACHING, GreyImage
from training.runs.folder import read_split
from training.runs.held_out_scores import TrainedFold

MOST_REFUSED = 0.005
"""Share of validation images, by distance and plane together; the test split may lose 1 %."""
MOST_REFUSED_OF_A_SOURCE = 0.01
"""Share of a source's images that a check fitted without that source may refuse."""
LARGEST_OUTLIER_SCORE = 0.0
"""Half-way between radiographs and anything else: no left-out source raises it further."""
IMAGES_OF_A_SOURCE = 400
"""Fitted to at most so many."""
FEWEST_OF_A_SOURCE = 30
"""A source with fewer is not left out to try the check."""
DRAWN_OF_A_KIND = 60
STATISTICS_NAME, PLANE_NAME = "known-pictures.npz", "strange-pictures.npz"


@dataclass(frozen=True, slots=True)
class FittedCheck:
    """A check without its files. left_out: refused share of each source left out of the fit."""

    statistics: FeatureStatistics
    plane: FeatureDiscriminant
    threshold: float
    largest_outlier_score: float
    left_out: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CheckFeatures:
    """Features of one layer, (images, features) each.

    known: of training images, sources: (images,) theirs, changed: of each of them turned or
    inverted, drawn: of drawn images; validation: of validation images.
    """

    known: NDArray[np.float32]
    sources: NDArray[np.str_]
    changed: NDArray[np.float32]
    drawn: NDArray[np.float32]
    validation: NDArray[np.float32]

    def without(self, source: str) -> "CheckFeatures":
        """Return the features without those of one source's training images."""
        kept = self.sources != source
        return CheckFeatures(
            self.known[kept], self.sources[kept], self.changed[kept], self.drawn, self.validation
        )


def make_outlier_check(
    directory: Path,
    member: Member,
    fold: TrainedFold,
    rows: Mapping[str, ImageRow],
    scorer: FileScorer,
) -> tuple[OutlierCheckSection, dict[str, Any]]:
    """Fit the check on a member's features; write its files into the bundle's directory.

    member: of the fold, stored in the directory. rows: of the data manifest, by pixels_sha256.
    Returns the manifest's section, and how it came about for the manifest's provenance.
    """
    model = load_network(member, directory, scorer.architectures)
    layer = last_feature_map(model)
    features = features_for_check(feature_network(model, layer), fold, rows, scorer)
    fitted = fit_outlier_check(features)
    write_statistics(directory / STATISTICS_NAME, fitted.statistics)
    write_discriminant(directory / PLANE_NAME, fitted.plane)
    plane = describe_file(directory / PLANE_NAME)
    section = OutlierCheckSection(
        member=member.name,
        layer=layer,
        method=OutlierCheckMethod.MAHALANOBIS,
        threshold=fitted.threshold,
        statistics=describe_file(directory / STATISTICS_NAME),
        discriminant=Discriminant(threshold=fitted.largest_outlier_score, plane=plane),
    )
    return section, _provenance(fitted, features)


def features_for_check(
    network: keras.Model,
    fold: TrainedFold,
    rows: Mapping[str, ImageRow],
    scorer: FileScorer,
) -> CheckFeatures:
    """Return what a check is fitted to.

    network: what `feature_network` made of the fold's. rows: by pixels_sha256. Raises TrainingError
    where no image is left for it.
    """
    input_view = input_view_of(fold)
    used = [(rows[each.pixels_sha256], each.part) for each in read_split(fold.directory)]
    known = _spread_by_source([row for row, part in used if part is Part.TRAIN])
    known = [row for row in known if _has_lungs(row.path, input_view)]
    held_out = [row.path for row, part in used if part is Part.VALIDATION]
    validation = [path for path in held_out if _has_lungs(path, input_view)]
    if not known or not validation:
        raise _too_few(len(known), len(validation))
    changes = list(CHANGES.values())
    drawn = [DRAWN[kind](seed) for kind in TEACHING for seed in range(DRAWN_OF_A_KIND)]

    def changed(place: int) -> GreyImage:
        return changes[place % len(changes)](read_radiograph(known[place].path).pixels)

    return CheckFeatures(
        known=scorer.outputs(network, input_view, [row.path for row in known]),
        sources=np.array([row.source for row in known], dtype=np.str_),
        changed=scorer.outputs_of(network, input_view, (changed(n) for n in range(len(known)))),
        drawn=scorer.outputs_of(network, input_view, drawn),
        validation=scorer.outputs(network, input_view, validation),
    )


def _has_lungs(path: Path, input_view: InputView) -> bool:
    """Return whether an image comes as far as the check; without lungs it is refused before."""
    part = input_view.part
    return part is None or part.finder.box(read_radiograph(path).pixels) is not None


def fit_outlier_check(features: CheckFeatures) -> FittedCheck:
    """Fit distance and plane, and choose their thresholds.

    Raises TrainingError where there are too few images to fit to.
    """
    if len(features.known) <= len(set(features.sources.tolist())) or not len(features.validation):
        raise _too_few(len(features.known), len(features.validation))
    statistics, plane = _fitted(features)
    most = MOST_REFUSED / 2
    threshold = choose_threshold(statistics.distances(features.validation), most)
    outlier_score = choose_threshold(plane.outlier_scores(features.validation), most)
    left_out = {source: _left_out(features, source) for source in _large_sources(features)}
    for distances, outlying in left_out.values():
        threshold = max(threshold, choose_threshold(distances, MOST_REFUSED_OF_A_SOURCE / 2))
        own = choose_threshold(outlying, MOST_REFUSED_OF_A_SOURCE / 2)
        outlier_score = max(outlier_score, min(own, LARGEST_OUTLIER_SCORE))
    refused = {
        source: round(float(((far > threshold) | (outlying > outlier_score)).mean()), 4)
        for source, (far, outlying) in left_out.items()
    }
    return FittedCheck(statistics, plane, threshold, outlier_score, refused)


def _too_few(known: int, validation: int) -> TrainingError:
    return TrainingError(
        f"expected two training images of a source, and validation images, for the image "
        f"check, found {known} and {validation} with lungs in them; train on more, or export with "
        "--no-outlier-check"
    )


def _fitted(features: CheckFeatures) -> tuple[FeatureStatistics, FeatureDiscriminant]:
    statistics = fit_statistics(features.known, features.sources.tolist())
    outlying = np.concatenate([features.changed, features.drawn])
    classes = np.repeat([0, 1], [len(features.known), len(outlying)])
    plane = fit_plane(np.concatenate([features.known, outlying]), classes)
    return statistics, FeatureDiscriminant(
        direction=plane.direction[:, 1].astype(np.float32),
        offset=plane.offset[1:].astype(np.float32),
    )


def _large_sources(features: CheckFeatures) -> list[str]:
    sources, counts = np.unique(features.sources, return_counts=True)
    large = sources[counts >= FEWEST_OF_A_SOURCE].tolist()
    return large if len(sources) > 1 else []


def _left_out(
    features: CheckFeatures, source: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return distances and outlier scores of a source's images by a check fitted without them."""
    statistics, plane = _fitted(features.without(source))
    own = features.known[features.sources == source]
    return statistics.distances(own), plane.outlier_scores(own)


def _spread_by_source(rows: Sequence[ImageRow]) -> list[ImageRow]:
    """Return at most `IMAGES_OF_A_SOURCE` rows of each source, evenly spread."""
    by_source: dict[str, list[ImageRow]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row)
    chosen = []
    for source in sorted(by_source):
        chosen += evenly_spread(by_source[source], IMAGES_OF_A_SOURCE)
    return chosen


def _provenance(fitted: FittedCheck, features: CheckFeatures) -> dict[str, Any]:
    return {
        "training_images": dict(sorted(Counter(features.sources.tolist()).items())),
        "validation_images": len(features.validation),
        "refused_of_a_source_left_out_of_the_fit": dict(fitted.left_out),
    }
