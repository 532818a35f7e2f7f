"""Tables for people on the terminal."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

PLAIN_WIDTH = 160


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, every cell as plain text, None as an empty one; a pipe gets wide lines."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, soft_wrap=False)
    console.print(table, markup=False)
