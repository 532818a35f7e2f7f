"""Refuses pictures that are further from the known ones than the bundle accepts."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screening.bundles.feature_statistics import read_statistics
from screening.bundles.manifest import PictureCheck
from screening.domain.eligibility import Reason, Refusal
from screening.errors import BundleError


class PictureDistance:
    """A bundle's picture check with its statistics."""

    def __init__(self, check: PictureCheck, directory: Path) -> None:
        """Read the statistics from the bundle's directory.

        Raises BundleError where they are no statistics of features.
        """
        self.check = check
        self._statistics = read_statistics(directory / check.statistics.file)

    def refusals(self, features: NDArray[np.float32]) -> list[Refusal | None]:
        """Return for each picture why it is refused, None where it is not.

        features: (pictures, features) of the layer that the check names.
        Raises BundleError where the statistics are of another number of features.
        """
        try:
            distances = self._statistics.distances(features)
        except ValueError as error:
            raise BundleError(
                f"picture check, layer {self.check.layer}: {error}; "
                "take the bundle from its source again"
            ) from error
        return [self._refusal(float(distance)) for distance in distances]

    def _refusal(self, distance: float) -> Refusal | None:
        if distance <= self.check.threshold:
            return None
        return Refusal(
            Reason.UNLIKE_CHEST_RADIOGRAPH,
            f"distance {distance:.2f} from known radiographs, at most {self.check.threshold:.2f} "
            "accepted",
        )
