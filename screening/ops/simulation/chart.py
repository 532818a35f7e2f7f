"""A drawing of waits: which share of a group still waits after how long, in each order.

One SVG file that needs no other: no script, no font, no style from elsewhere.
"""

from collections.abc import Sequence
from datetime import timedelta
from html import escape

from screening.ops.simulation.waits import Comparison

COLOURS = ("#4d4d4d", "#d95f02", "#1b6ca8")
"""One for each order; they differ in brightness, too."""
DASHES = ("", "6 3", "2 2")
WIDTH, PANEL_HEIGHT, HEAD, MARGIN, GAP = 720, 150, 60, 60, 46
STEPS = 200
"""Points of a curve at most."""
TICKS = 4


def drawn(comparison: Comparison, title: str) -> str:
    """Return the SVG; equal comparisons give equal text."""
    height = HEAD + len(comparison.groups) * (PANEL_HEIGHT + GAP)
    root = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
    parts = [
        f'{root} font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{MARGIN}" y="20" font-size="14">{escape(title)}</text>',
        *_legend(comparison.orders),
    ]
    for number, group in enumerate(comparison.groups):
        parts += _panel(comparison, group, HEAD + number * (PANEL_HEIGHT + GAP))
    return "\n".join([*parts, "</svg>", ""])


def _legend(orders: Sequence[str]) -> list[str]:
    place = (WIDTH - 2 * MARGIN) / len(orders)
    return [
        f'<path d="M{MARGIN + number * place:.0f} 38 h24" {_stroke(number)}/>'
        f'<text x="{MARGIN + number * place + 30:.0f}" y="42">{escape(order)}</text>'
        for number, order in enumerate(orders)
    ]


def _panel(comparison: Comparison, group: str, top: int) -> list[str]:
    curves = [comparison.waits[order, group] for order in comparison.orders]
    longest_h = max(_hours(waits[-1]) for waits in curves) or 1.0
    right, bottom = WIDTH - MARGIN, top + 20 + PANEL_HEIGHT - 30
    studies = len(curves[0])
    parts = [
        f'<text x="{MARGIN}" y="{top + 12}">{escape(group)}: {studies} studies</text>',
        f'<path d="M{MARGIN} {top + 20} V{bottom} H{right}" fill="none" stroke="#999"/>',
        f'<text x="{MARGIN - 6}" y="{top + 26}" text-anchor="end">100 %</text>',
        f'<text x="{MARGIN - 6}" y="{bottom}" text-anchor="end">0 %</text>',
    ]
    for tick in range(TICKS + 1):
        x = MARGIN + tick * (right - MARGIN) / TICKS
        hours = f"{tick * longest_h / TICKS:.3g}"
        unit = " hours waiting" if tick == TICKS else ""
        parts.append(
            f'<text x="{x:.0f}" y="{bottom + 15}" text-anchor="middle">{hours}{unit}</text>'
        )
    for number, waits in enumerate(curves):
        points = " L".join(
            f"{MARGIN + hours / longest_h * (right - MARGIN):.1f} "
            f"{bottom - share * (bottom - top - 20):.1f}"
            for hours, share in _still_waiting(waits)
        )
        parts.append(f'<path d="M{points}" {_stroke(number)}/>')
    return parts


def _still_waiting(waits: Sequence[timedelta]) -> list[tuple[float, float]]:
    """Return (hours, share that has waited at least so long) at no more than STEPS places."""
    step = max(1, len(waits) // STEPS)
    kept = sorted({*range(0, len(waits), step), len(waits) - 1})
    curve = [(_hours(waits[number]), 1 - number / len(waits)) for number in kept]
    return [(0.0, 1.0), *curve, (_hours(waits[-1]), 0.0)]


def _stroke(number: int) -> str:
    return (
        f'fill="none" stroke="{COLOURS[number]}" stroke-width="2" '
        f'stroke-dasharray="{DASHES[number]}"'
    )


def _hours(wait: timedelta) -> float:
    return wait.total_seconds() / 3600
