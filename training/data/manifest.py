"""The table that every training run starts from: one row per image, as CSV or Parquet.

Paths below the manifest's folder are written relative to it, so that a folder with its manifest
can be moved; the digest leaves paths out, so that it is the same on every machine.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path

from screening.domain.scores import Class
from training.data.hospitals import Adult, adult_of, hospital_of
from training.data.manifest_file import Cell, read_table, write_table
from training.errors import DataError

SHA256_CHARACTERS = 64


class Label(StrEnum):
    """What a data set says of an image, as finely as any of them does."""

    COVID19 = "covid19"
    NORMAL = "normal"
    BACTERIAL = "bacterial"
    VIRAL_OTHER = "viral_other"
    FUNGAL = "fungal"
    PNEUMONIA_OTHER = "pneumonia_other"
    """A pneumonia of unknown or other kind."""
    TUBERCULOSIS = "tuberculosis"
    OTHER_ABNORMAL = "other_abnormal"
    """Any other finding. Like tuberculosis it is neither COVID-19 nor normal."""


CLASS_OF_LABEL: Mapping[Label, Class | None] = {
    Label.COVID19: Class.COVID19,
    Label.NORMAL: Class.NORMAL,
    Label.BACTERIAL: Class.PNEUMONIA,
    Label.VIRAL_OTHER: Class.PNEUMONIA,
    Label.FUNGAL: Class.PNEUMONIA,
    Label.PNEUMONIA_OTHER: Class.PNEUMONIA,
    Label.TUBERCULOSIS: None,
    Label.OTHER_ABNORMAL: None,
}
"""None: of none of the three, so that such an image counts in no three-class figure."""
ABNORMAL = "abnormal"
"""What a protocol calls images whose label has no class; it teaches neither COVID-19 nor normal."""
MEMBER_CLASS_OF_LABEL: Mapping[Label, str] = {
    Label.COVID19: "covid19",
    Label.NORMAL: "normal",
    Label.BACTERIAL: "bacterial_pneumonia",
    Label.VIRAL_OTHER: "viral_pneumonia",
}
"""The four classes of khan2020; a label that is absent has none of them for its own."""


class View(StrEnum):
    """Projection of a chest radiograph. Only frontal ones are listed for training."""

    PA = "PA"
    AP = "AP"
    AP_SUPINE = "AP Supine"
    FRONTAL = "frontal"
    """Frontal, PA or AP not recorded."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image."""

    path: Path
    source: str
    label: Label
    view: View
    patient_id: str = field(repr=False)
    """The data set's own pseudonym, with its source in front."""
    split_group: str
    """Images of one (a patient, duplicates) stay in one part of any split."""
    sha256: str
    """Of the file's bytes."""
    pixels_sha256: str
    """Of size and 8-bit grey values as `screening.imaging` renders them."""
    width: int
    """In pixels."""
    height: int
    """In pixels."""
    age_years: float | None = field(default=None, repr=False)
    """At acquisition."""
    offset_days: float | None = None
    """Since symptoms or admission."""
    published_split: str = ""
    """The part ("train", "val", "test") that the data set's authors put it in."""
    duplicate_of: str = ""
    """The pixels_sha256 of an earlier row that holds the same image, else ""."""
    licence: str = ""
    note: str = ""
    hospital: str = ""
    """Block of images that is left out together, see `training.data.hospitals`."""
    adult: Adult = Adult.UNKNOWN

    @property
    def screening_class(self) -> Class | None:
        """Which of the ensemble's three classes the label belongs to, None for none of them."""
        return CLASS_OF_LABEL[self.label]


COLUMNS: tuple[str, ...] = tuple(each.name for each in fields(ImageRow))
REQUIRED_COLUMNS = frozenset(COLUMNS[: COLUMNS.index("height") + 1])


def write_manifest(path: Path, rows: Sequence[ImageRow]) -> None:
    """Write rows as CSV or Parquet, by the name's end, whole or not at all. Raises DataError."""
    folder = path.parent.resolve()
    write_table(path, COLUMNS, [_cells(row, folder) for row in rows])


def _cells(row: ImageRow, folder: Path) -> list[Cell]:
    shown = row.path.resolve()
    if shown.is_relative_to(folder):
        shown = shown.relative_to(folder)
    return [shown.as_posix(), *(getattr(row, name) for name in COLUMNS[1:])]


def read_manifest(path: Path, *, check_files: bool = True) -> tuple[ImageRow, ...]:
    """Read and check a manifest.

    check_files: also look whether every image is there (not whether it is unchanged).
    Raises DataError, naming file and line, where it is missing or empty, lacks a column, a cell
    is not what its column holds, a path or patient is in contradiction with another row, or an
    image is absent.
    """
    rows = tuple(_parsed(path))
    if not rows:
        raise DataError(f"expected at least one image in {path}, found none; scan again")
    _check_paths_unique(path, rows)
    _check_groups(path, rows)
    if check_files:
        _check_files(path, rows)
    return rows


def is_manifest(path: Path) -> bool:
    """Return whether a file has the columns of a data manifest."""
    try:
        next(iter(_parsed(path)), None)
    except DataError:
        return False
    return True


def _parsed(path: Path) -> Iterable[ImageRow]:
    for line, cells in read_table(path, REQUIRED_COLUMNS):
        yield _row(cells, path, line)


def _row(cells: Mapping[str, str | None], manifest: Path, line: int) -> ImageRow:
    def text(name: str) -> str:
        return (cells.get(name) or "").strip()

    def required(name: str) -> str:
        if not text(name):
            raise ValueError(f"an empty {name}")
        return text(name)

    def digest(name: str) -> str:
        value = required(name)
        if len(value) != SHA256_CHARACTERS or set(value) - set("0123456789abcdef"):
            raise ValueError(f"{name} is no lower-case hexadecimal SHA-256 digest")
        return value

    def pixels(name: str) -> int:
        value = int(required(name))
        if value < 1:
            raise ValueError(f"{name} {value}, must be at least 1")
        return value

    try:
        return ImageRow(
            path=(manifest.parent / required("path")).resolve(),
            source=required("source"),
            label=Label(text("label")),
            view=View(text("view")),
            patient_id=required("patient_id"),
            split_group=required("split_group"),
            sha256=digest("sha256"),
            pixels_sha256=digest("pixels_sha256"),
            width=pixels("width"),
            height=pixels("height"),
            age_years=float(text("age_years")) if text("age_years") else None,
            offset_days=float(text("offset_days")) if text("offset_days") else None,
            published_split=text("published_split"),
            duplicate_of=text("duplicate_of"),
            licence=text("licence"),
            note=text("note"),
            hospital=hospital_of(text("source"), text("hospital")),
            adult=Adult(text("adult")) if text("adult") else adult_of(text("source")),
        )
    except ValueError as error:
        raise DataError(
            f"{manifest} line {line}: {error} (labels: {', '.join(Label)}; views: "
            f"{', '.join(View)}); correct the line or scan again"
        ) from None


def _check_paths_unique(manifest: Path, rows: Sequence[ImageRow]) -> None:
    seen: set[Path] = set()
    for row in rows:
        if row.path in seen:
            raise DataError(f"{manifest} lists {row.path} twice; remove one of the lines")
        seen.add(row.path)


def _check_groups(manifest: Path, rows: Sequence[ImageRow]) -> None:
    """Refuse a patient or an image in two split groups: it would be trained and tested on."""
    for key in ("patient_id", "pixels_sha256"):
        first: dict[str, ImageRow] = {}
        for row in rows:
            other = first.setdefault(getattr(row, key), row)
            if other.split_group != row.split_group:
                raise DataError(
                    f"{manifest}: {other.path} and {row.path} have the same {key} but the split "
                    f"groups {other.split_group} and {row.split_group}; give them one group, or "
                    "scan again"
                )


def _check_files(manifest: Path, rows: Sequence[ImageRow]) -> None:
    absent = [row.path for row in rows if not row.path.is_file()]
    if absent:
        raise DataError(
            f"{manifest} lists {len(absent)} image(s) that are not there, the first is "
            f"{absent[0]}; put them back or scan again"
        )


def manifest_digest(rows: Iterable[ImageRow]) -> str:
    """Return the SHA-256 of what the rows say, wherever the files lie and in whatever order.

    Covers source, label, view, patient, split group, digests, size and duplicates.
    """
    covered = [name for name in COLUMNS if name in REQUIRED_COLUMNS and name != "path"]
    lines = sorted(json.dumps([getattr(row, name) for name in covered]) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
