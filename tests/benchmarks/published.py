"""Tables of docs/benchmarks.md and docs/scaling.md that the suite writes."""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.bars import Row
from tests.benchmarks.results import Results
from tests.benchmarks.scaling import inputs_table, limits_table, plan_table

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT, SCALING = DOCS / "benchmarks.md", DOCS / "scaling.md"
BENCHMARKS, FIGURES = "benchmarks", "figures"
"""What the two parts are called in the document's comments."""
NONE_YET = "not published yet"


def benchmarks_table(rows: Sequence[Row]) -> list[list[str]]:
    """Return number, name, work and way of measuring of each row."""
    return [[str(row.number), f"`{row.name}`", row.work, row.how] for row in rows]


def bars_table(rows: Sequence[Row]) -> list[list[str]]:
    """Return number, figure and bar, for each bar of each row."""
    return [[str(row.number), bar.figure, str(bar)] for row in rows for bar in row.bars]


def publish(results: Results, rows: Sequence[Row], document: Path = DOCUMENT) -> Path:
    """Write both tables, and the machine, to the document; return its path.

    Rows that were not measured this time keep the figures that they had. A run of the short form is
    not published: raises ValueError.
    """
    if results.is_short:
        raise ValueError("expected a run of the long form, found the short one, without figures")
    text = document.read_text(encoding="utf-8")
    before = {tuple(row[:2]): row[3:] for row in _rows(_part(text, FIGURES))}
    measured = {result.name: result for result in results.rows if not result.wrong}
    lines = []
    for row in rows:
        for bar in row.bars:
            found = bar.found(measured[row.name].figures) if row.name in measured else None
            if found is not None:
                day = results.started_at[:10]
                what = [str(found), str(bar.verdict([found])), day]
            else:
                what = before.get((str(row.number), bar.figure), [NONE_YET, "", ""])
            lines.append([str(row.number), bar.figure, str(bar), *what])
    figures = _table(["#", "figure", "bar", "found", "verdict", "measured"], lines)
    machine = "\n".join(f"- {key}: {value}" for key, value in results.machine.items())
    shown = _table(["#", "name", "work", "how it is measured"], benchmarks_table(rows))
    text = _with_part(text, BENCHMARKS, shown)
    text = _with_part(text, FIGURES, f"{figures}\n\nThe machine of the last run:\n\n{machine}")
    document.write_text(text, encoding="utf-8")
    return document


def write_scaling(document: Path = SCALING) -> None:
    """Write the inputs of the plan, and the plan for three sizes, to the document."""
    text = document.read_text(encoding="utf-8")
    tables = {"inputs": inputs_table(), "plan": plan_table(), "limits": limits_table()}
    for name, (head, *rows) in tables.items():
        text = _with_part(text, name, _table(head, rows))
    document.write_text(text, encoding="utf-8")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _part(text: str, name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert found, f"expected a part {name}"
    return found[1]


def _with_part(text: str, name: str, content: str) -> str:
    return text.replace(_part(text, name), content)


def _rows(part: str) -> list[list[str]]:
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
