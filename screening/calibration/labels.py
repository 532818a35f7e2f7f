"""Reads the labels that a site gives to its own images, from a CSV file."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from screening.domain import reading
from screening.domain.scores import CLASS_TITLES
from screening.errors import CalibrationError

LARGEST_FILE_BYTES = 10_000_000
CLASS_COLUMNS = ("class", "label")
"""Either names the class; the second is what `screening feedback export` writes."""
CLASS_OF_WORD: Mapping[str, reading.Label] = {
    **{label.value: label for label in reading.Label},
    **{title.lower(): reading.Label(klass.value) for klass, title in CLASS_TITLES.items()},
}
_LINES_NAMED = 5


class Identifier(StrEnum):
    """By what a label names what it is of; the name of its column."""

    SOP_INSTANCE_UID = "sop_instance_uid"
    STUDY_INSTANCE_UID = "study_instance_uid"
    ACCESSION_NUMBER = "accession_number"


@dataclass(frozen=True, slots=True)
class Label:
    """One line of the file. line: from 1, with the header; value: of the identifier."""

    line: int
    value: str = field(repr=False)
    klass: reading.Label


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The labels, each of another image or study."""

    identifier: Identifier
    labels: tuple[Label, ...]


def read_labels(path: Path) -> LabelFile:
    """Return the labels of a CSV file with a header, separated by commas or semicolons.

    Columns: one of `Identifier`, and one of CLASS_COLUMNS; others are passed over. Raises
    CalibrationError where the file cannot be used, names lines and no values: an accession number
    is a patient's.
    """
    text = _text(path)
    first = text.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text), delimiter=";" if ";" in first else ",", strict=True)
    header = [name.strip().lower() for name in next(rows, [])]
    identifier = _identifier(path, header)
    labels = []
    for row in rows:
        line = rows.line_num
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise _refused(path, f"line {line}: expected {len(header)} cells, found {len(row)}")
        labels.append(_label(path, line, dict(zip(header, row, strict=True)), identifier))
    if not labels:
        raise _refused(path, "expected a label on each line after the header, found none")
    _refuse_repeated(path, labels)
    return LabelFile(identifier, tuple(labels))


def in_lines(lines: Sequence[int]) -> str:
    """Return which lines, the first few: "lines 3, 5 and 12 more"."""
    named = ", ".join(str(line) for line in lines[:_LINES_NAMED])
    more = len(lines) - _LINES_NAMED
    return f"line{'s' if len(lines) > 1 else ''} {named}{f' and {more} more' if more > 0 else ''}"


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise _refused(path, f"expected at most {LARGEST_FILE_BYTES} bytes, found more")
        text = path.read_bytes().decode("utf-8-sig")
        list(csv.reader(io.StringIO(text), strict=True))
    except OSError as error:
        raise _refused(path, f"expected a file to read, found {error.strerror}") from None
    except UnicodeDecodeError:
        raise _refused(path, "expected text in UTF-8, found other bytes") from None
    except csv.Error as error:
        raise _refused(path, f"expected CSV, found {error}") from None
    return text


def _identifier(path: Path, header: Sequence[str]) -> Identifier:
    found = [one for one in Identifier if one in header]
    classes = [one for one in CLASS_COLUMNS if one in header]
    if len(found) != 1 or len(classes) != 1 or len(set(header)) != len(header):
        raise _refused(
            path,
            f"expected a header with one of the columns {', '.join(Identifier)}, and one of "
            f"{', '.join(CLASS_COLUMNS)}, each once; found "
            f"{', '.join(found) or 'none of the former'} and {', '.join(classes) or 'no class'}",
        )
    return found[0]


def _label(path: Path, line: int, cells: Mapping[str, str], identifier: Identifier) -> Label:
    value = cells[identifier].strip()
    word = next(cells[column] for column in CLASS_COLUMNS if column in cells).strip()
    if not value:
        raise _refused(path, f"line {line}: expected a value of {identifier}, found none")
    klass = CLASS_OF_WORD.get(word.lower())
    if klass is None:
        words = ", ".join(reading.Label)
        raise _refused(path, f"line {line}: expected a class of {words}, found another")
    return Label(line, value, klass)


def _refuse_repeated(path: Path, labels: Sequence[Label]) -> None:
    seen: dict[str, Label] = {}
    for label in labels:
        before = seen.setdefault(label.value, label)
        if before is not label:
            how = "the same class" if before.klass is label.klass else "another class"
            raise _refused(
                path,
                f"expected one label each, found line {label.line} to name what line "
                f"{before.line} names, with {how}",
            )


def _refused(path: Path, what: str) -> CalibrationError:
    return CalibrationError(f"{path.name}: {what}; correct the file. Nothing was applied")
