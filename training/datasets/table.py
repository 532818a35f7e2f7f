"""Reads the CSV tables that come with data sets."""

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from training.errors import DataError

Cells = Mapping[str, str]
"""One row of a table, by lower-case column."""


def read_table(path: Path, required_columns: Iterable[str]) -> list[Cells]:
    """Return the rows by lower-case column, cells stripped, absent ones "".

    Raises DataError where the file cannot be read or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            rows: list[Cells] = [
                {name: row[at].strip() if at < len(row) else "" for at, name in enumerate(header)}
                for row in reader
                if row
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"expected a table at {path}, cannot read it: {error}") from None
    absent = sorted({name.lower() for name in required_columns} - set(header))
    if absent:
        raise DataError(
            f"expected the column(s) {', '.join(absent)} in {path}, found {', '.join(header)}; "
            "take the table from the data set's own release"
        )
    return rows


def has_columns(path: Path, columns: Iterable[str]) -> bool:
    """Return whether a readable table with these columns is there."""
    try:
        read_table(path, columns)
    except DataError:
        return False
    return True


def number_or_none(text: str) -> float | None:
    """Return a cell as a finite number, None where it is empty or no such."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
