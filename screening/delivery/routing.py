"""Which result goes to which destination: the table of the settings, and what follows from it.

Every rule that fits a result adds its destinations; a rule marked `otherwise` fits where no other
one does. Without rules every result goes to every destination. A destination that holds an earlier
report on an image also gets those that supersede it, whatever the rules say: it would go on showing
what stands no more.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from screening.domain.shown_values import MODALITIES, shown_terms
from screening.domain.triage import Priority

NONE_FITS = "no rule fits"
HOLDS_AN_EARLIER_ONE = "it has an earlier report on this image"
NO_TABLE = "there is no table of routes"
OF_EVERY_RESULT = "it gets every result"

Values = Annotated[tuple[str, ...], Field(min_length=1)]


class ResultState(StrEnum):
    """Whether a report on the image was made before."""

    FIRST = "first"
    AGAIN = "again"
    """After a correction, another bundle, or a change of the active bundle."""


class Route(BaseModel):
    """One rule. A key that is absent fits every result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")
    to: Values
    """Names of destinations."""
    calling_ae_titles: Values | None = None
    """Who sent the image; `*` stands for any characters."""
    modalities: Values | None = None
    """Modality (0008,0060) of the image."""
    priorities: Annotated[tuple[Priority, ...], Field(min_length=1)] | None = None
    bundles: Values | None = None
    """What classified it, as name@version; `*` stands for any characters."""
    trained: bool | None = None
    """Whether that bundle is trained."""
    calibrated: bool | None = None
    """Whether the priority is by a calibration of the site's own."""
    states: Annotated[tuple[ResultState, ...], Field(min_length=1)] | None = None
    otherwise: bool = False
    """Fits where no other rule does."""

    @property
    def wanted(self) -> dict[str, tuple[str, ...]]:
        """What the rule asks for: values by the field of `ResultFacts` that is to have one."""
        asked = {
            "calling_ae_title": self.calling_ae_titles,
            "modality": self.modalities,
            "priority": self.priorities,
            "bundle": self.bundles,
            "trained": _word(self.trained),
            "calibrated": _word(self.calibrated),
            "state": self.states,
        }
        return {fact: tuple(values) for fact, values in asked.items() if values is not None}


def _word(wanted: bool | None) -> tuple[str, ...] | None:  # noqa: FBT001  a setting's value
    return None if wanted is None else (str(wanted).lower(),)


TITLES: Mapping[str, str] = {
    "calling_ae_title": "calling AE title",
    "modality": "modality",
    "priority": "priority",
    "bundle": "bundle",
    "trained": "trained",
    "calibrated": "calibrated",
    "state": "state",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFacts:
    """What rules look at. None: not known, such as the priority of what is not classified yet."""

    calling_ae_title: str | None = None
    modality: str | None = None
    priority: str | None = None
    bundle: str | None = None
    """As name@version."""
    trained: str | None = None
    """true or false, as the settings write it."""
    calibrated: str | None = None
    """As above."""
    state: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """Return the facts by name."""
        return asdict(self)


class Fit(StrEnum):
    """Whether a rule fits a result."""

    YES = "yes"
    NO = "no"
    DEPENDS = "depends"
    """On a fact that is not known."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of a result, and why."""

    route: str
    to: tuple[str, ...]
    fit: Fit
    why: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Where a result goes."""

    reasons: Mapping[str, str]
    """Why, by destination; a destination that is not in it gets nothing."""
    possible: Mapping[str, str]
    """Destinations that get it if a fact that is not known is as a rule wants it."""
    verdicts: tuple[Verdict, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "destinations": dict(self.reasons),
            "possible": dict(self.possible),
            "rules": [asdict(verdict) for verdict in self.verdicts],
        }


@dataclass(frozen=True, slots=True)
class Routing:
    """The table in force."""

    routes: tuple[Route, ...] = ()
    every: frozenset[str] = field(default_factory=frozenset)
    """Destinations that get every result, whatever the rules say."""

    def choose(
        self, facts: ResultFacts, destinations: Iterable[str], holders: Collection[str] = ()
    ) -> Chosen:
        """Return which of the destinations get a result.

        holders: those that an earlier report on the image was meant for.
        """
        if not self.routes:
            return Chosen(dict.fromkeys(destinations, NO_TABLE), {}, ())
        verdicts = _verdicts(self.routes, facts)
        reasons: dict[str, str] = {}
        possible: dict[str, str] = {}
        for name in destinations:
            certain = [v.route for v in verdicts if name in v.to and v.fit is Fit.YES]
            open_ones = [v.route for v in verdicts if name in v.to and v.fit is Fit.DEPENDS]
            if name in self.every:
                reasons[name] = OF_EVERY_RESULT
            elif certain:
                reasons[name] = f"by {', '.join(certain)}"
            elif name in holders:
                reasons[name] = HOLDS_AN_EARLIER_ONE
            elif open_ones:
                possible[name] = f"by {', '.join(open_ones)}"
        return Chosen(reasons, possible, verdicts)


EVERY_RESULT_EVERYWHERE = Routing()


def known_modality(modality: str) -> str:
    """Return a modality as rules look at it; what is no term of the standard is not repeated."""
    return shown_terms([modality], MODALITIES) if modality else ""


def fits(value: str, pattern: str) -> bool:
    """Return whether a value is a pattern's; `*` stands for any characters, or none."""
    return _expression(pattern).fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def _verdicts(routes: tuple[Route, ...], facts: ResultFacts) -> tuple[Verdict, ...]:
    """Judge every rule, those marked `otherwise` by what the others say; in the table's order."""
    judged = {route.name: _judged(route, facts) for route in routes}
    others = {judged[route.name].fit for route in routes if not route.otherwise}
    for route in routes:
        if route.otherwise:
            judged[route.name] = _otherwise(judged[route.name], others)
    return tuple(judged[route.name] for route in routes)


def _otherwise(own: Verdict, others: Collection[Fit]) -> Verdict:
    if own.fit is Fit.NO:
        return own
    if Fit.YES in others:
        return Verdict(own.route, own.to, Fit.NO, "another rule fits")
    if Fit.DEPENDS in others:
        return Verdict(own.route, own.to, Fit.DEPENDS, "if no other rule fits")
    return Verdict(own.route, own.to, own.fit, f"no other rule fits; {own.why}")


def _judged(route: Route, facts: ResultFacts) -> Verdict:
    found, wrong, unknown = [], [], []
    for fact, patterns in route.wanted.items():
        value, title = getattr(facts, fact), TITLES[fact]
        wanted = " or ".join(patterns)
        if value is None:
            unknown.append(f"{title} is {wanted}")
        elif any(fits(value, pattern) for pattern in patterns):
            found.append(f"{title} is {value}")
        else:
            wrong.append(f"{title} is {value or '(absent)'}, not {wanted}")
    if wrong:
        return Verdict(route.name, route.to, Fit.NO, "; ".join(wrong))
    if unknown:
        return Verdict(route.name, route.to, Fit.DEPENDS, f"if {' and '.join(unknown)}")
    return Verdict(route.name, route.to, Fit.YES, "; ".join(found) or "it asks for nothing")
