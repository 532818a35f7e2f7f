"""A data manifest's table as a file: CSV, or Parquet where the name ends with .parquet."""

# ruff: noqa: PLC0415  pyarrow is an extra of its own, which only Parquet needs

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from screening.whole_files import whole_path
from training.errors import DataError

Cell = str | int | float | None
PARQUET = ".parquet"


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a table, whole or not at all.

    Raises DataError where the disk does not take it, or Parquet is asked for without pyarrow.
    """
    write = _write_parquet if _is_parquet(path) else _write_csv
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_path(path) as unfinished, unfinished.open("wb") as file:
            write(file, columns, rows)
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror}; make room or name another file"
        ) from None


def check_format(path: Path) -> None:
    """Raise DataError where the name asks for Parquet and pyarrow is absent."""
    if _is_parquet(path):
        _pyarrow()


def read_table(
    path: Path, required: frozenset[str]
) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    """Yield each row's line, in Parquet its number from 1, and its cells by column, as text.

    Raises DataError where it cannot be read, or lacks a required column.
    """
    try:
        if _is_parquet(path):
            yield from _parquet_rows(path, required)
        else:
            yield from _csv_rows(path, required)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"expected a data manifest at {path}, cannot read it: {error}") from None


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == PARQUET


def _write_csv(file: IO[bytes], columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _csv_rows(
    path: Path, required: frozenset[str]
) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        _check_columns(path, required, reader.fieldnames or ())
        for cells in reader:
            yield reader.line_num, cells


def _write_parquet(file: IO[bytes], columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    arrow, parquet = _pyarrow()
    cells = {name: [row[place] for row in rows] for place, name in enumerate(columns)}
    parquet.write_table(arrow.table(cells), file, compression="zstd")


def _parquet_rows(
    path: Path, required: frozenset[str]
) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    arrow, parquet = _pyarrow()
    try:
        table = parquet.ParquetFile(path).read()
    except arrow.ArrowException as error:
        raise DataError(f"expected a data manifest at {path}, cannot read it: {error}") from None
    _check_columns(path, required, table.column_names)
    for number, cells in enumerate(table.to_pylist(), start=1):
        yield number, {name: None if cell is None else str(cell) for name, cell in cells.items()}


def _check_columns(path: Path, required: frozenset[str], found: Sequence[str]) -> None:
    if absent := sorted(required - set(found)):
        raise DataError(
            f"expected a data manifest, found {path} without the column(s) "
            f"{', '.join(absent)}; make one with `screening train datasets scan`"
        )


def _pyarrow() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet module."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            "expected pyarrow, which reads and writes Parquet, found none; "
            "`pip install pyarrow`, or name a file that ends with .csv"
        ) from None
    return pa, parquet
