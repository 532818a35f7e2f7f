"""Plots as inline SVG: a line for each figure, a dot for each repetition, a mark at the median."""

from collections.abc import Iterator, Sequence
from html import escape

from tests.benchmarks.bars import Bar
from tests.benchmarks.figures import Figure, number

WIDTH, LABEL, ROW_HEIGHT, MARGIN = 860, 400, 24, 28
SCALE = {0.0: "start", 0.5: "middle", 1.0: "end"}
"""Where the scale has a number, and which side of it stands there."""


def dots(figures: Sequence[Figure], bars: Sequence[Bar]) -> str:
    """Return an SVG of figures that share a unit; a red mark is where a figure's bar is."""
    limits = {bar.figure: bar.at_least or bar.at_most or 0.0 for bar in bars}
    values = [value for figure in figures for value in figure.values]
    values += [limits[figure.name] for figure in figures if figure.name in limits]
    top = max(values) * 1.05 or 1.0
    height = ROW_HEIGHT * len(figures) + MARGIN
    drawn = "".join(
        "".join(_line(figure, limits.get(figure.name), ROW_HEIGHT * place + ROW_HEIGHT // 2, top))
        for place, figure in enumerate(figures)
    )
    scale = "".join(
        f'<text x="{_x(top * share, top)}" y="{height - 8}" text-anchor="{anchor}">'
        f"{number(top * share)} {escape(figures[0].unit)}</text>"
        for share, anchor in SCALE.items()
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(figures[0].unit)}">{drawn}{scale}</svg>'
    )


def _line(figure: Figure, limit: float | None, y: int, top: float) -> Iterator[str]:
    yield f'<text class="name" x="{LABEL - 8}" y="{y + 4}">{escape(figure.name)}</text>'
    yield f'<line class="track" x1="{LABEL}" y1="{y}" x2="{WIDTH}" y2="{y}"/>'
    if limit is not None:
        yield _mark("bar", limit, y, top)
    for value in figure.values:
        shown = f"{number(value)} {escape(figure.unit)}"
        yield f'<circle cx="{_x(value, top)}" cy="{y}" r="3"><title>{shown}</title></circle>'
    yield _mark("median", figure.median, y, top)


def _mark(kind: str, value: float, y: int, top: float) -> str:
    x = _x(value, top)
    return (
        f'<line class="{kind}" x1="{x}" y1="{y - 8}" x2="{x}" y2="{y + 8}">'
        f"<title>{kind}: {number(value)}</title></line>"
    )


def _x(value: float, top: float) -> float:
    return round(LABEL + (WIDTH - LABEL) * max(0.0, value) / top, 1)
