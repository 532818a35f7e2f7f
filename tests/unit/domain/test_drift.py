"""The gauge: which images are like the known ones, shifted, unlike, or too few to tell."""

import random
from collections.abc import Sequence

import pytest

from screening.domain.drift import (
    FEWEST_IMAGES,
    LIMITS,
    MOST_IMAGES,
    STEPS,
    Aspect,
    Gauge,
    Likeness,
    RecentImage,
    SourceReference,
    gauge,
    sentence,
)
from screening.domain.image_statistics import (
    FEATURE_COORDINATES,
    FEATURE_DISTANCE,
    KNOWN_NAMES,
    LEVELS,
    SCORES,
)

EVEN = tuple(place / STEPS for place in range(STEPS + 1))
"""The quantiles of numbers spread evenly from 0 to 1."""
FEATURES = "features"


def source(name: str = "one", *, moved: float = 0.0) -> SourceReference:
    """Return a source whose every quantity is spread evenly over a range of 1."""
    return SourceReference(
        name,
        100,
        {quantity: tuple(moved + value for value in EVEN) for quantity in KNOWN_NAMES},
        (moved,) * FEATURE_COORDINATES,
    )


def images(count: int, seed: int = 3) -> list[RecentImage]:
    """Return so many images of the source that was not moved."""
    chance = random.Random(seed)  # noqa: S311  no secret
    return [
        RecentImage(
            {name: chance.random() for name in KNOWN_NAMES},
            [chance.gauss() for _ in range(FEATURE_COORDINATES)],
        )
        for _ in range(count)
    ]


def moved(found: Sequence[RecentImage], names: Sequence[str], by: float) -> list[RecentImage]:
    """Return the images with some quantities moved."""
    return [
        RecentImage(
            {**one.values, **{name: one.values[name] + by for name in names if name != FEATURES}},
            [place + by for place in one.features] if FEATURES in names else one.features,
        )
        for one in found
    ]


def likeness_of(found: Gauge, aspect: Aspect) -> Likeness:
    """Return what one aspect says."""
    return next(one.likeness for one in found.findings if one.aspect is aspect)


def test_images_of_a_known_source_are_like_it() -> None:
    """Also where the other sources are far away: an image need not be like all of them."""
    found = gauge(images(100), [source("far", moved=7.0), source()])
    assert likeness_of(found, Aspect.LEVELS) is Likeness.LIKE
    assert next(one for one in found.findings if one.aspect is Aspect.LEVELS).nearest == "one"
    assert gauge(images(100), [source()]).likeness is Likeness.LIKE


@pytest.mark.parametrize(
    ("names", "aspect"),
    [
        ((FEATURE_DISTANCE,), Aspect.DISTANCE),
        ((FEATURES,), Aspect.FEATURES),
        (LEVELS[:1], Aspect.LEVELS),
    ],
)
def test_images_beyond_all_known_ones_are_unlike(names: Sequence[str], aspect: Aspect) -> None:
    """One quantity is enough, and the sentence says not to order by the scores."""
    found = gauge(moved(images(100), names, 5.0), [source()])
    assert found.likeness is Likeness.UNLIKE
    assert found.blamed() == (aspect,)
    told = sentence(found, "CR2")
    assert told == (
        f"Images of CR2 look unlike any that the bundle knows ({aspect}): "
        "do not order by its scores."
    )


def test_a_little_is_shifted_and_scores_never_say_unlike() -> None:
    """Another mix of diseases moves the scores as well."""
    found = gauge(moved(images(100), SCORES, 5.0), [source()])
    assert found.likeness is Likeness.SHIFTED
    assert found.blamed() == (Aspect.SCORES,)
    assert "take its scores with care" in sentence(found, "CR2")
    limit = LIMITS[Aspect.FEATURES]
    assert limit.unlike is not None
    a_little = gauge(moved(images(100), [FEATURES], 1.2 * limit.unlike), [source()])
    assert a_little.blamed() == (Aspect.FEATURES,)
    assert a_little.likeness is Likeness.SHIFTED


def test_refused_images_count_as_beyond_the_known_ones() -> None:
    """A sender whose images are refused is unlike, though nothing refused has statistics."""
    refused = [RecentImage({}, refused=True)] * 50
    found = gauge([*refused, *images(50)], [source()])
    assert likeness_of(found, Aspect.REFUSED) is Likeness.UNLIKE
    assert likeness_of(found, Aspect.DISTANCE) is Likeness.UNLIKE
    assert likeness_of(found, Aspect.FEATURES) is Likeness.LIKE
    assert found.images == 100


def test_too_few_images_say_so() -> None:
    """One fewer than needed, however unlike they look; and with none at all."""
    few = moved(images(FEWEST_IMAGES - 1), LEVELS, 5.0)
    for found in (gauge(few, [source()]), gauge([], [source()])):
        assert found.likeness is Likeness.TOO_FEW
        assert f"at least {FEWEST_IMAGES} needed" in sentence(found, "CR2")
    enough = moved(images(FEWEST_IMAGES), LEVELS, 5.0)
    assert gauge(enough, [source()]).likeness is Likeness.UNLIKE


def test_only_the_newest_images_count() -> None:
    """What was sent before a device was set up anew says nothing of today."""
    old = moved(images(500), LEVELS, 5.0)
    assert gauge([*images(MOST_IMAGES), *old], [source()]).likeness is Likeness.LIKE


def test_without_a_reference_only_refusals_are_told() -> None:
    """A bundle that does not describe its images never says that others are like them."""
    found = gauge(images(100), ())
    assert found.likeness is Likeness.UNKNOWN
    assert likeness_of(found, Aspect.REFUSED) is Likeness.LIKE
    assert "cannot be told" in sentence(found, "CR2")
    refused = [RecentImage({}, refused=True)] * 100
    assert gauge(refused, ()).likeness is Likeness.UNLIKE


def test_images_scored_before_statistics_were_kept_count_by_their_scores() -> None:
    """Their levels are unknown and not 0."""
    scores_only = [RecentImage({name: one.values[name] for name in SCORES}) for one in images(100)]
    found = gauge(scores_only, [source()])
    assert likeness_of(found, Aspect.LEVELS) is Likeness.TOO_FEW
    assert likeness_of(found, Aspect.FEATURES) is Likeness.TOO_FEW
    assert likeness_of(found, Aspect.SCORES) is Likeness.LIKE


def test_chance_alone_hardly_ever_says_shifted() -> None:
    """Of 200 senders whose images are drawn as the known ones are, at most 2 are called shifted."""
    called = [gauge(images(100, seed=seed), [source()]).likeness for seed in range(200)]
    assert called.count(Likeness.LIKE) >= 198


def test_each_aspect_has_a_limit_and_its_reason() -> None:
    """The table is complete, and unlike is further than shifted."""
    assert set(LIMITS) == set(Aspect)
    for limit in LIMITS.values():
        assert limit.why
        assert limit.unlike is None or limit.unlike > limit.shifted
