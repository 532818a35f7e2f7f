"""docs/scaling.md has the inputs and the plan that the program computes."""

from pathlib import Path

import pytest

from tests.architecture.test_documents import document, section, table_rows
from tests.benchmarks.figures import Figure
from tests.benchmarks.rows import backlog
from tests.benchmarks.scaling import (
    INPUTS,
    KNOBS,
    SIZES,
    inputs_table,
    limits_table,
    plan,
    plan_table,
)


def test_the_document_has_the_inputs() -> None:
    """Each with its value, its unit and where it is from."""
    rows = table_rows(section(document("docs/scaling.md"), "## From what it is computed"))
    assert rows == inputs_table()[1:]


def test_the_document_has_the_plan() -> None:
    """The arithmetic of the page is the program's."""
    rows = table_rows(section(document("docs/scaling.md"), "## What it comes to"))
    assert rows == plan_table()[1:]


def test_the_document_has_the_limits() -> None:
    """What one of each part carries."""
    text = section(document("docs/scaling.md"), "## Limits, and what moves them")
    assert table_rows(text)[: len(KNOBS)] == limits_table()[1:]


def test_a_plan_by_hand() -> None:
    """One million a day, 12 % of it in the busiest hour, at most 60 % busy."""
    needs = plan(SIZES["country"])
    peak = 1_000_000 * 0.12 / 3600
    workers = int(needs["classify workers without a GPU"].split()[0])
    assert needs["busiest hour"] == "33.3 images/s"
    assert workers - 1 < peak * INPUTS["worker"].value / 0.6 <= workers
    assert needs["spool"] == f"{1_000_000 * 8 * 2**20 * 30 / 1e12:.0f} TB for 30 days"
    assert needs["network to the SCPs"] == f"{peak * 8 * 2**20 * 8 / 1e6:,.0f} Mbit/s"


@pytest.mark.parametrize(
    ("figure", "need"),
    [
        (Figure("screening: ensemble, batch 8", "images/s", (0.5,)), "classify workers"),
        (Figure("screening: 8 MiB, 8 associations", "images/s", (0.1,)), "SCP processes"),
        (Figure("report: processor time an image", "ms", (5000.0,)), "report workers"),
        (Figure("database an image", "KiB", (4e6,)), "database, a year"),
    ],
)
def test_figures_of_a_run_stand_for_those_of_the_page(figure: Figure, need: str) -> None:
    """Slower here means more machines; everything else stays."""
    before, after = plan(10_000), plan(10_000, [figure])
    changed = {name for name in before if before[name] != after[name]}
    assert any(name.startswith(need) for name in changed)
    assert len(changed) < len(before) / 2


def test_the_plan_takes_figures_that_the_suite_has() -> None:
    """A figure that was renamed would silently be replaced by the kept one."""
    folder = Path(backlog.__file__).parent
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    wanted = [one.figure.rpartition(": ")[2] for one in INPUTS.values() if one.figure]
    assert [name for name in wanted if name.partition(",")[0] not in sources] == []
