"""What a data set says of its images, before any of them is opened."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from training.data.hospitals import Adult
from training.data.manifest import Label, View


class Reason(StrEnum):
    """Why an image is set aside or reported, what needs most attention first."""

    DAMAGED = "damaged"
    MISSING = "missing"
    LABEL_CONFLICT = "label conflict"
    DUPLICATE = "duplicate"
    UNLISTED = "in no table"
    NO_CLASS = "no class of ours"
    NOT_FRONTAL = "not frontal"
    NOT_A_RADIOGRAPH = "not a radiograph"
    NOT_ELIGIBLE = "not screened, by its DICOM header"


@dataclass(frozen=True, slots=True)
class SetAside:
    """An image that is not in the manifest, and why; `detail` holds no patient attribute."""

    path: Path
    source: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One image as its data set lists it; fields without a text are those of a manifest's row."""

    path: Path
    source: str
    label: Label
    view: View
    patient_id: str = field(default="", repr=False)
    """The data set's pseudonym with its source in front; "": a patient of its own."""
    split_group: str = ""
    """Where the data set has grouped its images."""
    age_years: float | None = field(default=None, repr=False)
    offset_days: float | None = None
    published_split: str = ""
    licence: str = ""
    note: str = ""
    hospital: str = ""
    """As published; "" where the data set does not say."""
    adult: Adult | None = None
    """As published; None where the data set does not say."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All images of a folder: those that can be used as far as is known, and those set aside."""

    images: tuple[ListedImage, ...]
    set_aside: tuple[SetAside, ...] = ()


@dataclass(frozen=True, slots=True)
class DataSet:
    """A public data set's own layout.

    recognises: whether a folder is laid out so. list_images: reads the tables and names of such a
    folder, never the pixels; raises DataError where a table is damaged.
    """

    name: str
    layout: str
    recognises: Callable[[Path], bool]
    list_images: Callable[[Path], Listing]


def listing_of(found: list[ListedImage | SetAside]) -> Listing:
    """Return a listing of images and set-aside files in the order in which they were met."""
    return Listing(
        images=tuple(each for each in found if isinstance(each, ListedImage)),
        set_aside=tuple(each for each in found if isinstance(each, SetAside)),
    )


PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".dcm"})


def images_below(folder: Path) -> list[Path]:
    """Return the files at any depth that are named as images or DICOM objects, sorted.

    Hidden files and folders (such as the `._` files of an unpacked archive) are left out.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def unlisted(folder: Path, source: str, listed: Iterable[Path]) -> list[SetAside]:
    """Return the images below a folder that the data set's table does not name."""
    known = set(listed)
    return [
        SetAside(path, source, Reason.UNLISTED)
        for path in images_below(folder)
        if path not in known
    ]
