"""docs/benchmarks.md has the benchmarks and bars that the suite has."""

import shutil
from pathlib import Path

import pytest

from tests.architecture.test_documents import document, section, table_rows
from tests.benchmarks.bars import Bar, Verdict
from tests.benchmarks.figures import Figure
from tests.benchmarks.published import DOCUMENT, bars_table, benchmarks_table, publish
from tests.benchmarks.results import Result, Results
from tests.benchmarks.suite import ROWS

MACHINE = {"processor": "a fast one"}


def test_the_document_lists_every_benchmark() -> None:
    """Number, name, work and way of measuring are those of the literal table."""
    rows = table_rows(section(document("docs/benchmarks.md"), "## What is measured"))
    assert rows == benchmarks_table(ROWS)


def test_the_document_lists_every_bar() -> None:
    """A bar that was moved in the suite alone would be seen here, and the other way round."""
    rows = table_rows(section(document("docs/benchmarks.md"), "## Figures last published"))
    assert [row[:3] for row in rows] == bars_table(ROWS)


def test_no_name_stands_for_two_benchmarks_and_no_figure_has_two_bars() -> None:
    """Each is found by its name."""
    names = [row.name for row in ROWS]
    figures = [bar.figure for row in ROWS for bar in row.bars]
    assert len(set(names)) == len(names)
    assert len(set(figures)) == len(figures)


@pytest.mark.parametrize(
    ("bar", "verdict"),
    [
        (Bar("a", "s", at_most=2), Verdict.PASS),
        (Bar("a", "s", at_most=1.9), Verdict.SHORT),
        (Bar("a", "s", at_least=2), Verdict.PASS),
        (Bar("a", "s", at_least=2.1), Verdict.SHORT),
        (Bar("b", "s", at_most=2), Verdict.NOT_MEASURED),
    ],
)
def test_the_median_is_compared_with_the_bar(bar: Bar, verdict: Verdict) -> None:
    """Reaching the bar exactly passes; a figure that is not there is not measured."""
    assert bar.verdict([Figure("a", "s", (1.0, 2.0, 9.0))]) is verdict


def test_what_was_measured_is_published_and_the_rest_keeps_its_figures(tmp_path: Path) -> None:
    """A run of one benchmark, such as on another machine, must not wipe out the others."""
    copy = Path(shutil.copy(DOCUMENT, tmp_path))
    first, second = ROWS[0], ROWS[1]
    for day, row, value in (("2026-01-01", first, 3.0), ("2026-01-02", second, 0.25)):
        bar = row.bars[0]
        result = Result(row.number, row.name, 1.0, (Figure(bar.figure, bar.unit, (value,)),))
        publish(Results(f"{day}T00:00:00+00:00", False, MACHINE, (result,)), ROWS, copy)
    rows = table_rows(section(copy.read_text(encoding="utf-8"), "## Figures last published"))
    assert [row[:3] for row in rows] == bars_table(ROWS)
    by_figure = {row[1]: row[3:] for row in rows}
    assert by_figure[first.bars[0].figure] == ["3 x", "pass", "2026-01-01"]
    assert by_figure[second.bars[0].figure][2] == "2026-01-02"
    assert "processor: a fast one" in copy.read_text(encoding="utf-8")


def test_the_short_form_is_never_published(tmp_path: Path) -> None:
    """Its times mean nothing."""
    copy = Path(shutil.copy(DOCUMENT, tmp_path))
    with pytest.raises(ValueError, match="long form"):
        publish(Results("2026-01-01", True, MACHINE, ()), ROWS, copy)
    assert copy.read_bytes() == DOCUMENT.read_bytes()
