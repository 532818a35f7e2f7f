"""A sheet of images with maps, as a report shows it."""

from dataclasses import dataclass
from enum import StrEnum


class SheetImages(StrEnum):
    """What the sheet shows."""

    NONE = "none"
    PHANTOMS = "phantoms"
    TEST = "test"
    """Held-out images of the data sets."""


@dataclass(frozen=True, slots=True)
class SheetCell:
    """An image, what the network says of it, and its map of that; both as data URIs."""

    caption: str
    image: str
    overlay: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One network's cells. what: which images they are."""

    name: str
    what: str
    cells: tuple[SheetCell, ...]
