"""What is wrong with a table of routes, found before anything is sent by it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from screening.delivery.routing import Route, fits
from screening.domain.eligibility import CAPTURE_MODALITIES

MODALITIES_WITH_RESULTS = frozenset(CAPTURE_MODALITIES - {""})


@dataclass(frozen=True, slots=True)
class SiteNames:
    """What the rest of the settings names."""

    destinations: Collection[str]
    every: Collection[str]
    """Destinations that get every result, and that no rule may name."""
    calling_ae_titles: Collection[str]
    """Who may send; empty: everybody."""


def problems(routes: Sequence[Route], names: SiteNames) -> list[str]:
    """Return what is wrong, each with what was expected; an empty list for a table that is right.

    A name twice, a destination that is not there, a rule that can never fit, one that adds nothing
    to another.
    """
    return [
        *_twice(routes),
        *(problem for route in routes for problem in _unknown(route, names)),
        *(problem for route in routes for problem in _never(route, names)),
        *_without_occasion(routes),
        *_adds_nothing(routes),
    ]


def _twice(routes: Sequence[Route]) -> Iterator[str]:
    given = [route.name for route in routes]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        yield f"expected unique names, found twice: {twice}"


def _unknown(route: Route, names: SiteNames) -> Iterator[str]:
    for name in route.to:
        if name in names.every:
            yield (
                f"{route.name}: {name} gets every result, whatever the rules say; "
                "take it out of the rule"
            )
        elif name not in names.destinations:
            there = ", ".join(names.destinations) or "none so far"
            yield f"{route.name}: expected a destination, of which there are {there}; found {name}"


def _never(route: Route, names: SiteNames) -> Iterator[str]:
    """Say why a rule can never fit, or a value of it."""
    for modality in route.modalities or ():
        if modality not in MODALITIES_WITH_RESULTS:
            yield (
                f"{route.name}: no image of modality {modality} is classified; expected of "
                f"{', '.join(sorted(MODALITIES_WITH_RESULTS))}"
            )
    if not names.calling_ae_titles:
        return
    for pattern in route.calling_ae_titles or ():
        if not any(fits(title, pattern) for title in names.calling_ae_titles):
            yield (
                f"{route.name}: nobody may send as {pattern}; expected one of "
                f"allowed_calling_ae_titles: {', '.join(names.calling_ae_titles)}"
            )


def _without_occasion(routes: Sequence[Route]) -> Iterator[str]:
    always = [route.name for route in routes if not route.otherwise and not route.wanted]
    for route in routes if always else ():
        if route.otherwise:
            yield f"{route.name}: it can never fit, since {always[0]} always does"


def _adds_nothing(routes: Sequence[Route]) -> Iterator[str]:
    for route in routes:
        for other in routes:
            if other is not route and _covers(other, route):
                if _covers(route, other) and routes.index(route) < routes.index(other):
                    continue  # the two are alike: the later one is named
                yield f"{route.name}: it adds nothing to {other.name}, which fits wherever it does"


def _covers(wide: Route, narrow: Route) -> bool:
    """Return whether one rule fits wherever another one does, and sends there, too."""
    if wide.otherwise != narrow.otherwise or not set(narrow.to) <= set(wide.to):
        return False
    asked = narrow.wanted
    return all(
        fact in asked
        and all(any(fits(one, pattern) for pattern in patterns) for one in asked[fact])
        for fact, patterns in wide.wanted.items()
    )
