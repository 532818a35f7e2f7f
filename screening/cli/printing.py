"""Print rows for people (a table) or programs (JSON)."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from screening.domain import scores

PLAIN_WIDTH = 160


def console() -> Console:
    """Return a console on standard output; a pipe gets wide, unfolded lines."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, soft_wrap=False)


def print_json(value: Any) -> None:
    """Print one JSON document; times in ISO 8601."""
    print(json.dumps(value, indent=2, default=_as_text, ensure_ascii=False))


def json_line(value: Any) -> str:
    """Return one JSON object on one line."""
    return json.dumps(value, default=_as_text, ensure_ascii=False)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; every cell as plain text."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console().print(table, markup=False)


def percent(probability: float | None) -> str:
    """Return a probability of 0 to 1 as people see it, "" where there is none."""
    return "" if probability is None else scores.percent(probability)


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
