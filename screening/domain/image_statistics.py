"""What is kept of each scored image, beside its scores, so that drift can be told.

None of it tells the patient: each is one number of a whole image.
"""

from dataclasses import dataclass

from screening.domain.scores import Class


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """Of one image, at the size and in the view in which the bundle's smallest network sees it.

    Before a site's grey-level curve, where there is one: drift is told from images as they come.
    """

    black_level: float
    """Grey level, 0 to 255, that 1 % of the image is darker than."""
    median_level: float
    """0 to 255."""
    white_level: float
    """Grey level, 0 to 255, that 1 % of the image is brighter than."""
    detail: float
    """Strength of the finest detail, as a fraction of the range from black to white."""
    feature_distance: float | None
    """From the images that the ensemble was trained on: around 1 for images like them. None where
    the bundle has no outlier check."""
    features: tuple[float, ...] = ()
    """Its place among the features of known images, in their standard deviations along the
    directions in which those vary most; empty where the bundle has no outlier check."""
    level_quantiles: tuple[float, ...] = ()
    """Ascending, evenly spread from 0 to 1, each 0 to 255: of which a site's grey-level curve is
    drawn."""

    def numbers(self) -> dict[str, float]:
        """Return what is known, by name, but for features and level quantiles."""
        known = {
            "black_level": self.black_level,
            "median_level": self.median_level,
            "white_level": self.white_level,
            "detail": self.detail,
        }
        distance = self.feature_distance
        return known if distance is None else {**known, FEATURE_DISTANCE: distance}

    def as_dict(self) -> dict[str, float | list[float]]:
        """Return what is known, by name, as the database keeps it."""
        known: dict[str, float | list[float]] = {
            **self.numbers(),
            FEATURES: list(self.features),
        }
        if self.level_quantiles:
            known[LEVEL_QUANTILES] = list(self.level_quantiles)
        return known


FEATURES = "features"
LEVEL_QUANTILES = "level_quantiles"
LISTS = frozenset({FEATURES, LEVEL_QUANTILES})
"""What is no single number."""
FEATURE_COORDINATES = 16
"""Of the features: more hardly tell one hospital from another better, and each is kept of every
image."""
FEATURE_DISTANCE = "feature_distance"
LEVELS = ("black_level", "median_level", "white_level", "detail")
SCORES = tuple(klass.value for klass in Class)
KNOWN_NAMES = (FEATURE_DISTANCE, *LEVELS, *SCORES)
"""Of everything whose distribution over known images a bundle may tell."""
