"""docs/guarantees.md names tests that exist, and all faults and loads that there are."""

import ast
import re
from pathlib import Path

import pytest

from tests.faults.installation import Where
from tests.faults.table import FAULTS, Fault
from tests.load.table import LOADS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ABBREVIATION = {Where.SERVERS: "S", Where.EMBEDDED: "E"}
PROMISES = 7


def functions(path: Path) -> set[str]:
    """Return the functions that a module defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "function"), NAMED)
def test_a_test_that_the_page_names_exists(file: str, function: str) -> None:
    """Under this very name, so that a promise is never without its test."""
    assert (ROOT / file).is_file()
    assert function in functions(ROOT / file)


def test_every_promise_names_its_tests() -> None:
    """Three at least."""
    sections = re.split(r"^### \d\. ", PAGE.split("\n## Under faults")[0], flags=re.MULTILINE)[1:]
    assert len(sections) == PROMISES
    assert all(section.count("::") >= 3 for section in sections)


def test_the_table_of_faults_is_the_one_that_runs() -> None:
    """Name, installations and limit of each."""
    rows = re.findall(r"^\| ([^|]+) \| ([SE, ]+) \| [^|]+ \| (\d+) s \|$", PAGE, re.MULTILINE)
    assert rows == [(fault.name, letters(fault), f"{fault.limit_s:.0f}") for fault in FAULTS]


def test_the_table_of_loads_is_the_one_that_runs() -> None:
    """Name and amount of each."""
    section = PAGE.split("\n## Under load\n")[1].split("\n| measured ")[0]
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| [^|]+ \|$", section, re.MULTILINE)
    assert rows == [(load.name, str(load.full)) for load in LOADS]


def letters(fault: Fault) -> str:
    """Return where a fault is tried, as the page writes it."""
    return ", ".join(ABBREVIATION[where] for where in fault.where)
