"""How far a sender's recent images are from those that the ensemble knows, and what to do.

Each aspect of the recent images is compared with images of each source that the ensemble knows; the
source that fits best counts, since an image need not be like all of them. `LIMITS` says from where
on images are shifted, or unlike all that is known.
Source: Rabanser, Guennemann and Lipton 2019, Failing Loudly, sections 3 and 5 (one test for each
quantity of a reduced representation tells a shift from 100 examples).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from screening.domain.image_statistics import FEATURE_DISTANCE, LEVELS, SCORES
from screening.domain.sample_distances import Measured, kolmogorov_distance, mean_shift, share

MOST_IMAGES = 100
"""A sender's newest images, which are looked at."""
FEWEST_IMAGES = 30
"""With fewer, chance alone moves a share by a third and a distance by a quarter."""
STEPS = 20
"""A distribution is kept as its quantiles at 0, 5, ... 100 %."""
HIGH_PLACE = 19
"""The 95th percentile's place among them."""


class Likeness(StrEnum):
    """How like the known images a sender's recent ones are."""

    LIKE = "like"
    SHIFTED = "shifted"
    UNLIKE = "unlike"
    TOO_FEW = "too few"
    UNKNOWN = "cannot tell"


class Aspect(StrEnum):
    """What of the images is compared."""

    REFUSED = "refused"
    DISTANCE = "far away"
    FEATURES = "features"
    LEVELS = "levels"
    SCORES = "scores"


@dataclass(frozen=True, slots=True)
class Limit:
    """From where on an aspect is shifted or unlike: by the low end of its 95 % interval."""

    shifted: float
    unlike: float | None
    """None: by itself it never says so."""
    why: str


LIMITS: Mapping[Aspect, Limit] = {
    Aspect.REFUSED: Limit(
        0.02,
        0.10,
        "share of images refused as no chest radiograph; a release refuses at most 0.01 of the "
        "images of a hospital that it did not know",
    ),
    Aspect.DISTANCE: Limit(
        0.10,
        0.30,
        "share of images further away than 19 of 20 of the known source whose images are furthest "
        "away; of a known source at most 0.05 are, at 0.30 one in three is an exception",
    ),
    Aspect.FEATURES: Limit(
        0.15,
        0.25,
        "how far the mean of the features is from that of the known source that fits best, in "
        "standard deviations; of held-out images of known sources the low end was 0",
    ),
    Aspect.LEVELS: Limit(
        0.10,
        0.30,
        "largest Kolmogorov-Smirnov distance of black, median and white level and of detail to the "
        "source that fits best; of held-out images of known sources the low end was 0",
    ),
    Aspect.SCORES: Limit(
        0.10,
        None,
        "largest Kolmogorov-Smirnov distance of the class scores to the source that fits best; "
        "another mix of diseases moves them as well, so that they never say unlike by themselves",
    ),
}
"""The literal table; docs/experiments/out-of-distribution.md has the measurements behind it."""


@dataclass(frozen=True, slots=True)
class SourceReference:
    """Images of one source that the ensemble knows, none of which it was fitted to."""

    name: str
    images: int
    quantiles: Mapping[str, tuple[float, ...]]
    """Of each statistic and class score, by name: STEPS + 1 values, ascending."""
    feature_means: tuple[float, ...] = ()
    """Of each coordinate of the features; empty where the bundle has no outlier check."""


Reference = Sequence[SourceReference]
"""One entry for each source."""


@dataclass(frozen=True, slots=True)
class RecentImage:
    """One image that the active bundle answered."""

    values: Mapping[str, float]
    """Statistics and class scores, by name; empty where it was refused."""
    features: Sequence[float] = ()
    """Coordinates; empty where they were not kept."""
    refused: bool = False
    """As no chest radiograph."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One aspect of a sender's recent images."""

    aspect: Aspect
    likeness: Likeness
    images: int
    """That it was measured on."""
    measured: Measured | None = None
    """What `LIMITS` says of it; None where it cannot be told."""
    nearest: str = ""
    """The source that fits best."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A sender's recent images against the known ones: the worst of what was found."""

    images: int
    """Looked at; those refused as no chest radiograph are among them."""
    likeness: Likeness
    findings: tuple[Finding, ...]

    def blamed(self) -> tuple[Aspect, ...]:
        """Return the aspects that made it so, where images are not like the known ones."""
        if self.likeness not in {Likeness.SHIFTED, Likeness.UNLIKE}:
            return ()
        return tuple(one.aspect for one in self.findings if one.likeness is self.likeness)


def gauge(images: Sequence[RecentImage], reference: Reference) -> Gauge:
    """Compare a sender's recent images with the known ones.

    images: newest first; the first `MOST_IMAGES` count. reference: empty where the bundle does not
    say what its known images look like; what is refused is told all the same.
    """
    counted = images[:MOST_IMAGES]
    scored = [image for image in counted if not image.refused]
    findings = (
        _share(Aspect.REFUSED, sum(image.refused for image in counted), len(counted)),
        _distance(counted, reference),
        _features([image.features for image in scored], reference),
        _differences(Aspect.LEVELS, LEVELS, scored, reference),
        _differences(Aspect.SCORES, SCORES, scored, reference),
    )
    return Gauge(len(counted), _worst([one.likeness for one in findings]), findings)


def sentence(found: Gauge, sender: str) -> str:
    """Return what a reader needs to know of a sender's images."""
    because = ", ".join(aspect.value for aspect in found.blamed())
    return {
        Likeness.LIKE: f"Images of {sender} look like those that the bundle knows.",
        Likeness.SHIFTED: f"Images of {sender} differ from those that the bundle knows ({because}):"
        " take its scores with care.",
        Likeness.UNLIKE: f"Images of {sender} look unlike any that the bundle knows ({because}): "
        "do not order by its scores.",
        Likeness.TOO_FEW: f"Too few images of {sender} to tell whether they are like those that "
        f"the bundle knows: {found.images}, at least {FEWEST_IMAGES} needed.",
        Likeness.UNKNOWN: f"Whether images of {sender} are like those that the bundle knows cannot "
        "be told: the bundle does not describe them.",
    }[found.likeness]


def _worst(found: Sequence[Likeness]) -> Likeness:
    """Return the worst that is known; without a reference, refusals alone never say like."""
    for likeness in (Likeness.UNLIKE, Likeness.SHIFTED, Likeness.TOO_FEW):
        if likeness in found:
            return likeness
    known = [one for one in found[1:] if one is not Likeness.UNKNOWN]
    return Likeness.LIKE if known else Likeness.UNKNOWN


def _distance(images: Sequence[RecentImage], reference: Reference) -> Finding:
    """Count images far away from the known ones; one that was refused is."""
    told = [image for image in images if image.refused or FEATURE_DISTANCE in image.values]
    limits = {
        source.name: source.quantiles[FEATURE_DISTANCE][HIGH_PLACE]
        for source in reference
        if FEATURE_DISTANCE in source.quantiles
    }
    if not limits:
        return Finding(Aspect.DISTANCE, Likeness.UNKNOWN, len(told))
    furthest = max(limits.values())
    beyond = sum(image.refused or image.values[FEATURE_DISTANCE] > furthest for image in told)
    return _share(Aspect.DISTANCE, beyond, len(told))


def _share(aspect: Aspect, count: int, images: int) -> Finding:
    if images < FEWEST_IMAGES:
        return Finding(aspect, Likeness.TOO_FEW, images)
    measured = share(count, images)
    return Finding(aspect, _judged(aspect, measured), images, measured)


def _features(features: Sequence[Sequence[float]], reference: Reference) -> Finding:
    def shift(source: SourceReference) -> Measured:
        return mean_shift(told, source.feature_means, source.images)

    known = [source for source in reference if source.feature_means]
    told = [one for one in features if known and len(one) == len(known[0].feature_means)]
    return _nearest(Aspect.FEATURES, known, len(told), shift)


def _differences(
    aspect: Aspect, names: Sequence[str], images: Sequence[RecentImage], reference: Reference
) -> Finding:
    """Return the largest difference of several quantities to the source where that is smallest."""

    def largest(source: SourceReference) -> Measured:
        found = [
            kolmogorov_distance(samples[name], source.quantiles[name], source.images)
            for name in names
        ]
        return max(found, key=lambda measured: measured.value)

    told = [image.values for image in images if all(name in image.values for name in names)]
    samples = {name: sorted(values[name] for values in told) for name in names}
    known = [source for source in reference if all(name in source.quantiles for name in names)]
    return _nearest(aspect, known, len(told), largest)


def _nearest(
    aspect: Aspect,
    known: Reference,
    images: int,
    distance: Callable[[SourceReference], Measured],
) -> Finding:
    """Return the distance to the source that fits best."""
    if not known:
        return Finding(aspect, Likeness.UNKNOWN, images)
    if images < FEWEST_IMAGES:
        return Finding(aspect, Likeness.TOO_FEW, images)
    found = [distance(source) for source in known]
    measured = min(found, key=lambda one: one.value)
    name = known[found.index(measured)].name
    return Finding(aspect, _judged(aspect, measured), images, measured, name)


def _judged(aspect: Aspect, measured: Measured) -> Likeness:
    limit = LIMITS[aspect]
    if limit.unlike is not None and measured.low > limit.unlike:
        return Likeness.UNLIKE
    return Likeness.SHIFTED if measured.low > limit.shifted else Likeness.LIKE
