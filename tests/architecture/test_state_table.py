"""docs/architecture.md shows the states that rows may begin in and every edge, and no other."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from screening.domain.lifecycle import LIFECYCLES

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
NEW = "new"


def shown() -> dict[str, set[tuple[str, str]]]:
    """Return the pairs of states of each kind of row, "new" before those that it may begin in."""
    section = ARCHITECTURE.read_text(encoding="utf-8").split("\n## States\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    found: dict[str, set[tuple[str, str]]] = {}
    kind = ""
    for name, before, after in rows[2:]:
        kind = name.strip() or kind
        pairs = {(old, new) for old in states(before) for new in states(after)}
        assert not pairs & found.get(kind, set())
        found.setdefault(kind, set()).update(pairs)
    return found


def states(cell: str) -> list[str]:
    """Return the states that a cell names, what is in brackets apart."""
    told = re.split(r"[,;]", re.sub(r"\([^)]*\)", "", cell))
    return [one.strip().replace(" ", "_") for one in told]


def words(kind: type[StrEnum]) -> str:
    """Return how the table calls what has these states."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__.removesuffix("State")).lower()


@pytest.mark.parametrize("kind", LIFECYCLES)
def test_the_table_shows_every_edge(kind: type[StrEnum]) -> None:
    """Where a row begins, where it may go, and nothing that the program would refuse."""
    lifecycle = LIFECYCLES[kind]
    expected = {(NEW, state.value) for state in lifecycle.initial}
    expected |= {(old.value, new.value) for old, after in lifecycle.edges.items() for new in after}
    assert shown()[words(kind)] == expected


def test_the_table_shows_every_kind_of_row() -> None:
    """And the sentence above it every state that a row may enter anew."""
    assert shown().keys() == {words(kind) for kind in LIFECYCLES}
    text = ARCHITECTURE.read_text(encoding="utf-8").split("\n## States\n")[1]
    (anew,) = re.findall(r"A row enters a state anew only .*", text)
    told = {state for words in re.findall(r"\(([^)]*)\)", anew) for state in states(words)}
    assert told == {state.value for one in LIFECYCLES.values() for state in one.self_edges}
