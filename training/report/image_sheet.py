"""A sheet of pictures with maps, as a report shows it."""

from dataclasses import dataclass
from enum import StrEnum


class SheetPictures(StrEnum):
    """What the sheet shows."""

    NONE = "none"
    PHANTOMS = "phantoms"
    TEST = "test"
    """Held-out pictures of the data sets."""


@dataclass(frozen=True, slots=True)
class SheetCell:
    """A picture, what the network says of it, and its map of that; both as data URIs."""

    caption: str
    picture: str
    overlay: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One network's cells. what: which pictures they are."""

    name: str
    what: str
    cells: tuple[SheetCell, ...]
