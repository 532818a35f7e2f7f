"""Figures: what was measured, several times, and how two contenders compare round by round."""

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured; each value is one repetition, in `unit`."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the values."""
        return statistics.median(self.values)

    @property
    def lowest(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def highest(self) -> float:
        """The largest value."""
        return max(self.values)

    def __str__(self) -> str:
        shown = f"{number(self.median)} {self.unit}"
        if len(set(self.values)) > 1:
            shown += f" ({number(self.lowest)} to {number(self.highest)})"
        return shown


def number(value: float) -> str:
    """Return a number with three digits that count, and no more than it has."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def shuffled_rounds(
    contenders: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, tuple[float, ...]]:
    """Measure every contender once a round, each round in another order.

    What else the machine does then meets all of them alike, and value n of one may be compared
    with value n of another.
    """
    values: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        order = list(contenders)
        random.shuffle(order)
        for name in order:
            values[name].append(contenders[name]())
    return {name: tuple(found) for name, found in values.items()}


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Return ours divided by theirs, round by round."""
    return tuple(one / other for one, other in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of values; of a single one, that one."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean."""
    return statistics.fmean(values)
