"""The page of a run: one file, with everything in it that it shows."""

import itertools
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from tests.benchmarks.bars import Row
from tests.benchmarks.plots import dots
from tests.benchmarks.results import Result, Results

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff }
table { border-collapse: collapse; margin: .5rem 0 }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #d0d7de;
  vertical-align: top }
.pass { color: #116329 } .short, .wrong { color: #a40e26; font-weight: 600 }
svg { display: block; max-width: 100%; height: auto } svg text { font-size: 11px; fill: #1b1f24 }
.name { text-anchor: end } .track { stroke: #d0d7de } circle { fill: #0550ae; fill-opacity: .55 }
.median { stroke: #0550ae; stroke-width: 2 } .bar { stroke: #a40e26; stroke-width: 2 }
"""
LEGEND = "Each dot is one repetition, the blue line their median, the red line the bar."


def write_page(results: Results, rows: Sequence[Row], path: Path) -> None:
    """Write the results of a run; nothing on the page comes from anywhere else."""
    path.write_text("".join(_page(results, rows)), encoding="utf-8")


def _page(results: Results, rows: Sequence[Row]) -> Iterable[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f"<title>Benchmarks</title><style>{STYLE}</style></head><body><h1>Benchmarks</h1>"
    if results.is_short:
        yield "<p>Short form: the output was checked, no time means anything.</p>"
    yield f"<p>Begun {escape(results.started_at)}. {LEGEND}</p>"
    yield _table(["machine", ""], [[key, value] for key, value in results.machine.items()])
    by_name = {row.name: row for row in rows}
    for result in results.rows:
        yield from _section(by_name[result.name], result)
    yield "</body></html>"


def _section(row: Row, result: Result) -> Iterable[str]:
    yield f'<h2 id="{row.name}">{row.number}. {escape(row.name)}</h2>'
    yield f"<p>{escape(row.work)}. How: {escape(row.how)}. Took {result.took_s:.0f} s.</p>"
    if result.wrong:
        yield f'<p class="wrong">Wrong output: {escape(result.wrong)}</p>'
        return
    if result.not_here:
        yield f"<p>Not measured: {escape(result.not_here)}</p>"
        return
    for name, why in result.absent.items():
        yield f"<p>Left out: {escape(name)}, since {escape(why)}.</p>"
    if row.bars:
        yield _table(["figure", "bar", "found", "verdict"], [
            [bar.figure, str(bar), str(bar.found(result.figures) or "-"), str(verdict)]
            for bar, verdict in zip(row.bars, result.verdicts(row), strict=True)
        ])  # fmt: skip
    for _, group in itertools.groupby(
        sorted(result.figures, key=lambda one: one.unit), key=lambda one: one.unit
    ):
        yield dots(list(group), row.bars)
    for note in result.notes:
        yield f"<p>{escape(note)}</p>"
    for title, (head, *lines) in result.tables.items():
        yield f"<h3>{escape(title)}</h3>{_table(head, lines)}"
    yield f"<p>Compared: {escape('; '.join(result.checked))}.</p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(one)}</th>" for one in head)
    lines = "".join("<tr>" + "".join(_cell(one) for one in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{lines}</table>"


def _cell(text: str) -> str:
    marked = f' class="{text}"' if text in {"pass", "short"} else ""
    return f"<td{marked}>{escape(text)}</td>"
