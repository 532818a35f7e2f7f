"""The outlier check: refuses images unlike the radiographs that the ensemble was trained on.

Those too far from them in feature space, and those that were rotated or inverted.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screening.bundles.parts import OutlierCheckSection
from screening.domain.eligibility import Reason, Refusal
from screening.domain.image_statistics import FEATURE_COORDINATES
from screening.ensemble.feature_discriminant import read_discriminant
from screening.ensemble.feature_statistics import read_statistics
from screening.errors import BundleError

SHOWN_DIGITS = 3
"""Decimal places to which a distance or outlier score is compared with its threshold, and shown."""


@dataclass(frozen=True, slots=True)
class OutlierAnswer:
    """What the check says of one image."""

    refusal: Refusal | None = None
    """None where the image may be scored."""
    distance: float | None = None
    """From known images, as `FeatureStatistics.distances` gives it; None without a check."""
    coordinates: tuple[float, ...] = ()
    """The first `FEATURE_COORDINATES` of `FeatureStatistics.coordinates`; none without a check."""


class OutlierCheck:
    """A bundle's outlier check with its statistics."""

    def __init__(self, section: OutlierCheckSection, directory: Path) -> None:
        """Read the statistics from the bundle's directory.

        section: of the manifest. Raises BundleError where the files are anything else.
        """
        self._section = section
        self._statistics = read_statistics(directory / section.statistics.file)
        self._plane = (
            read_discriminant(directory / section.discriminant.plane.file)
            if section.discriminant
            else None
        )

    def answers(self, features: NDArray[np.float32]) -> list[OutlierAnswer]:
        """Return for each image why it is refused, if it is, and how far it is from known ones.

        features: (images, features) of the layer that the section names.
        Raises BundleError where the statistics are of another number of features.
        """
        try:
            distances = self._statistics.distances(features)
            places = self._statistics.coordinates(features, FEATURE_COORDINATES)
            scores = self._plane.outlier_scores(features) if self._plane else distances
        except ValueError as error:
            raise BundleError(
                f"outlier check, layer {self._section.layer}: {error}; "
                "get the bundle from its source again"
            ) from error
        return [
            OutlierAnswer(
                self._too_far(float(distance)) or self._beyond_the_plane(float(score)),
                _rounded(float(distance)),
                tuple(_rounded(coordinate) for coordinate in place),
            )
            for distance, score, place in zip(distances, scores, places.tolist(), strict=True)
        ]

    def _too_far(self, distance: float) -> Refusal | None:
        found, most = _rounded(distance), _rounded(self._section.threshold)
        if found <= most:
            return None
        return Refusal(
            Reason.UNLIKE_CHEST_RADIOGRAPH,
            f"distance {found:g} from known radiographs, at most {most:g} accepted",
        )

    def _beyond_the_plane(self, score: float) -> Refusal | None:
        if not self._section.discriminant:
            return None
        found, most = _rounded(score), _rounded(self._section.discriminant.threshold)
        if found <= most:
            return None
        return Refusal(
            Reason.UNLIKE_CHEST_RADIOGRAPH,
            f"outlier score {found:g}, at most {most:g} "
            "accepted: rotated, inverted or no frontal chest radiograph",
        )


def _rounded(value: float) -> float:
    return round(value, SHOWN_DIGITS)
