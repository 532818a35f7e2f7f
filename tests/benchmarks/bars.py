"""A row of the suite: what is measured, what it is to reach, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.benchmarks.figures import Figure, number
from tests.benchmarks.run import Run


class Verdict(StrEnum):
    """Whether a figure reaches its bar."""

    PASS = "pass"  # noqa: S105  no password
    SHORT = "short"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Bar:
    """What the median of a figure is to reach.

    figure: its name. at_least, at_most: one of the two, in the figure's unit.
    """

    figure: str
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        limit = self.at_least if self.at_most is None else self.at_most
        sign = "≥" if self.at_most is None else "≤"
        return f"{sign} {number(limit or 0)} {self.unit}"

    def verdict(self, figures: Sequence[Figure]) -> Verdict:
        """Compare with the figure of this name, if it was measured."""
        found = self.found(figures)
        if found is None:
            return Verdict.NOT_MEASURED
        assert found.unit == self.unit, f"{self.figure}: {found.unit}, the bar is in {self.unit}"
        low_enough = self.at_most is None or found.median <= self.at_most
        high_enough = self.at_least is None or found.median >= self.at_least
        return Verdict.PASS if low_enough and high_enough else Verdict.SHORT

    def found(self, figures: Sequence[Figure]) -> Figure | None:
        """Return the figure of this name."""
        return next((one for one in figures if one.name == self.figure), None)


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark.

    name: as `screening bench` takes it. work: what is done. how: how it is measured. minutes: what
    the long form takes on two cores. measure: does it, raises WrongOutputError where the work came
    out wrong and NotHereError where this machine cannot do it.
    """

    number: int
    name: str
    work: str
    how: str
    minutes: float
    bars: tuple[Bar, ...]
    measure: Callable[[Run], None]
