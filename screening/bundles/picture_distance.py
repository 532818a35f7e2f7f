"""Refuses pictures that are unlike the known ones: too far from them, or turned or inverted."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screening.bundles.feature_discriminant import read_discriminant
from screening.bundles.feature_statistics import read_statistics
from screening.bundles.manifest import PictureCheck
from screening.domain.eligibility import Reason, Refusal
from screening.errors import BundleError

DISTANCE_DIGITS = 3
"""Decimal places to which a distance, and the threshold it meets, are compared and told."""


class PictureDistance:
    """A bundle's picture check with its statistics."""

    def __init__(self, check: PictureCheck, directory: Path) -> None:
        """Read the statistics from the bundle's directory.

        Raises BundleError where they are no statistics of features.
        """
        self.check = check
        self._statistics = read_statistics(directory / check.statistics.file)
        self._plane = (
            read_discriminant(directory / check.discriminant.plane.file)
            if check.discriminant
            else None
        )

    def refusals(self, features: NDArray[np.float32]) -> list[Refusal | None]:
        """Return for each picture why it is refused, None where it is not.

        features: (pictures, features) of the layer that the check names.
        Raises BundleError where the statistics are of another number of features.
        """
        try:
            distances = self._statistics.distances(features)
            strangeness = self._plane.strangeness(features) if self._plane else distances
        except ValueError as error:
            raise BundleError(
                f"picture check, layer {self.check.layer}: {error}; "
                "take the bundle from its source again"
            ) from error
        return [
            self._too_far(float(distance)) or self._too_strange(float(strange))
            for distance, strange in zip(distances, strangeness, strict=True)
        ]

    def _too_far(self, distance: float) -> Refusal | None:
        found, most = _as_told(distance), _as_told(self.check.threshold)
        if found <= most:
            return None
        return Refusal(
            Reason.UNLIKE_CHEST_RADIOGRAPH,
            f"distance {found:g} from known radiographs, at most {most:g} accepted",
        )

    def _too_strange(self, strangeness: float) -> Refusal | None:
        if not self.check.discriminant:
            return None
        found, most = _as_told(strangeness), _as_told(self.check.discriminant.threshold)
        if found <= most:
            return None
        return Refusal(
            Reason.UNLIKE_CHEST_RADIOGRAPH,
            f"strangeness {found:g}, at most {most:g} "
            "accepted: turned, inverted or no frontal chest radiograph",
        )


def _as_told(distance: float) -> float:
    return round(distance, DISTANCE_DIGITS)
