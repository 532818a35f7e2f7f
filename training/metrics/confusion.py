"""The confusion matrix: true classes by predicted classes."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.errors import DataError

REMEDY = "first column the true class, one column per predicted class, names in the header"


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Counts of images: counts[i][j] of true class i were called class j."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        size = len(self.classes)
        if size != len(set(self.classes)) or size == 0:
            raise ValueError(f"expected distinct class names, found {self.classes}")
        if len(self.counts) != size or any(len(row) != size for row in self.counts):
            raise ValueError(f"expected {size} x {size} counts, one row and column per class")
        if any(count < 0 for row in self.counts for count in row):
            raise ValueError("expected counts of 0 or more, found a negative one")

    def array(self) -> NDArray[np.int64]:
        """Return the counts, shape (classes, classes), rows the true class."""
        return np.array(self.counts, dtype=np.int64)


def confusion_matrix(
    classes: Sequence[str], true: NDArray[np.integer], predicted: NDArray[np.integer]
) -> ConfusionMatrix:
    """Count predictions.

    true, predicted: shape (images,), indices into `classes`.
    Raises ValueError where the shapes differ or an index is out of range.
    """
    size = len(classes)
    for indices in (true, predicted):
        if indices.shape != true.shape or indices.ndim != 1:
            raise ValueError(f"expected two arrays of one shape, found {true.shape} and others")
        if indices.size and not 0 <= indices.min() <= indices.max() < size:
            raise ValueError(f"expected class indices from 0 to {size - 1}")
    counts = np.bincount(true * size + predicted, minlength=size * size).reshape(size, size)
    return ConfusionMatrix(tuple(classes), tuple(tuple(map(int, row)) for row in counts))


def read_confusion_csv(path: Path) -> ConfusionMatrix:
    """Read a confusion matrix; rows may stand in another order than columns.

    The classes keep the order of the columns. Raises DataError, naming the place, where the file
    cannot be read, the table is not square, a name is unknown, missing or doubled, or a count is
    no whole number of 0 or more.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = [
                [cell.strip() for cell in row]
                for row in csv.reader(file, strict=True)
                if any(cell.strip() for cell in row)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"expected a confusion matrix at {path}, cannot read it: {error}") from None
    if not table:
        raise DataError(f"expected a confusion matrix in {path}, found nothing; {REMEDY}")
    classes = _header(path, table[0])
    rows = _rows(path, classes, table[1:])
    return ConfusionMatrix(classes, tuple(rows[name] for name in classes))


def _header(path: Path, cells: list[str]) -> tuple[str, ...]:
    classes = tuple(cells[1:])
    if not classes or "" in classes:
        raise DataError(f"expected class names in the header of {path}, found {cells}; {REMEDY}")
    doubled = {name for name in classes if classes.count(name) > 1}
    if doubled:
        raise DataError(f"{path} has the column(s) {_listed(doubled)} twice; name each class once")
    return classes


def _rows(
    path: Path, classes: tuple[str, ...], table: list[list[str]]
) -> dict[str, tuple[int, ...]]:
    rows: dict[str, tuple[int, ...]] = {}
    for name, *cells in table:
        if name not in classes:
            raise DataError(
                f"{path} has a row {name!r}, but the columns are {_listed(classes)}; "
                "rows and columns must name the same classes"
            )
        if name in rows:
            raise DataError(f"{path} has the row {name!r} twice; add the counts up")
        if len(cells) != len(classes):
            raise DataError(
                f"expected {len(classes)} counts in row {name!r} of {path}, found {len(cells)}; "
                f"{REMEDY}"
            )
        rows[name] = tuple(_count(path, name, *pair) for pair in zip(classes, cells, strict=True))
    absent = [name for name in classes if name not in rows]
    if absent:
        raise DataError(
            f"{path} has the column(s) {_listed(absent)} but no such row; the table must be "
            "square: write a row of zeros for a class without images"
        )
    return rows


def _count(path: Path, row: str, column: str, cell: str) -> int:
    if not (cell.isascii() and cell.isdigit()):
        raise DataError(
            f"expected a whole number of 0 or more in row {row!r}, column {column!r} of {path}, "
            f"found {cell!r}; write counts of images, not fractions"
        )
    return int(cell)


def _listed(names: Sequence[str] | set[str]) -> str:
    return ", ".join(sorted(names) if isinstance(names, set) else names)
