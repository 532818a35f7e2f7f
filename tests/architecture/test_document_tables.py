"""Tables of the documents render as tables."""

import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "deploy/*.md") for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_tables_are_whole(path: Path) -> None:
    """Each begins with a head and a rule, and has as many cells a row: else it shows as text."""
    assert [
        table[0] for table in tables(path.read_text(encoding="utf-8")) if not is_whole(table)
    ] == []


def tables(text: str) -> list[list[str]]:
    """Return the lines of each run of table rows, outside of code."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    runs = itertools.groupby(text.splitlines(), key=lambda line: line.lstrip().startswith("|"))
    return [list(lines) for is_table, lines in runs if is_table]


def is_whole(table: list[str]) -> bool:
    """Return whether a renderer takes these lines for one table."""
    rows = [re.split(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line).strip()) for line in table]
    has_rule = len(rows) > 1 and set("".join(rows[1])) <= set("-: ") and len(rows[1]) > 2
    return has_rule and len({len(row) for row in rows}) == 1


def test_a_broken_table_is_seen() -> None:
    """A blank line in the midst of it, a row with a cell too few, and none of that."""
    whole = "| a | b |\n|---|---|\n| 1 | `x|y` |\n"
    assert [is_whole(one) for one in tables(whole)] == [True]
    assert [is_whole(one) for one in tables(f"{whole}\n| 2 | 3 |\n")] == [True, False]
    assert [is_whole(one) for one in tables(f"{whole}| 2 |\n")] == [False]
