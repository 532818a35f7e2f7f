"""What a rendering is: one way to write a result down, such as one profile of SR."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screening.delivery.content import ReportContent, ReportDocument
from screening.delivery.registry import Registry

if TYPE_CHECKING:  # settings name renderings, and need no DICOM library for it
    from pydicom.dataset import Dataset

DICOM = "application/dicom"
HL7 = "application/hl7-v2"
JSON = "application/json"
LONGEST_NAME = 24
"""Characters of `reports.profile`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One way to write a result down. The settings call it a destination's profile."""

    name: str
    """In settings and rows: letters, digits, underscore; never changed once reports are made."""
    title: str
    """For people, such as "Comprehensive SR"."""
    media_type: str
    """Of the bytes, such as application/dicom: it decides which kinds of delivery take it."""
    suffix: str
    """Of a file's name, with its dot."""
    render: "Callable[[Dataset, ReportContent], ReportDocument]"
    """Takes the image's header and the result. Equal arguments give equal bytes."""
    sop_class_uid: str = ""
    """Of a DICOM object; empty for anything else."""
    needs_heat_maps: bool = False
    """Whether it shows heat-maps: then it is made when these are, after what needs none."""
    header_in: "Callable[[bytes], Dataset] | None" = None
    """Reads the image's header in the rendered bytes, where they hold it: then a later report can
    be made when the image is removed."""

    def __post_init__(self) -> None:
        """Raise ValueError where the name does not fit the rows."""
        if not self.name.replace("_", "").isalnum() or len(self.name) > LONGEST_NAME:
            raise ValueError(
                f"expected a rendering's name of 1 to {LONGEST_NAME} letters, digits and "
                f"underscores, found {self.name!r}"
            )


RENDERINGS: Registry[Rendering] = Registry("rendering", "screening.renderings")
