"""Line charts as SVG, placed in a page as they are: no scripts, no files beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

WIDTH, HEIGHT = 360, 260
"""Of a chart without the names of its lines, which stand below it, in CSS pixels."""
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 24, 38
TICKS = 5
MOST_POINTS = 400
"""More points of one line than pixels make a page large, not finer."""


@dataclass(frozen=True, slots=True)
class Line:
    """A named line; points (x, y) in the chart's units."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with up to six lines."""

    title: str
    x_label: str
    y_label: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    lines: tuple[Line, ...]
    diagonal: bool = False
    """Also draw from the lower left to the upper right."""

    def x(self, value: float) -> float:
        """Return pixels from the left."""
        low, high = self.x_range
        share = (value - low) / (high - low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        """Return pixels from the top."""
        low, high = self.y_range
        share = (value - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def polyline(self, line: Line) -> str:
        """Return the `points` attribute of a line."""
        kept = line.points
        if len(kept) > MOST_POINTS:
            step = (len(kept) - 1) / (MOST_POINTS - 1)
            kept = [kept[round(place * step)] for place in range(MOST_POINTS)]
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in kept)

    @property
    def x_ticks(self) -> tuple[float, ...]:
        """Values marked on the x axis."""
        return _ticks(self.x_range)

    @property
    def y_ticks(self) -> tuple[float, ...]:
        """Values marked on the y axis."""
        return _ticks(self.y_range)


def draw(chart: Chart) -> Markup:
    """Return a chart as an SVG element with a title for those who cannot see it."""
    drawn = _templates().get_template("chart.svg").render(chart=chart, width=WIDTH, height=HEIGHT)
    return Markup(drawn)  # noqa: S704  autoescaped by the template


def range_of(values: Sequence[float], *, at_least: float = 0.0) -> tuple[float, float]:
    """Return a range, never empty, from `at_least` to a little above all finite values."""
    highest = max((value for value in values if math.isfinite(value)), default=1.0)
    return at_least, 1.05 * highest if highest > at_least else at_least + 1.0


def _ticks(limits: tuple[float, float]) -> tuple[float, ...]:
    """Return round values within limits, about `TICKS` of them."""
    low, high = limits
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(place * step, 10) for place in range(first, last + 1))


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
