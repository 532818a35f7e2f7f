"""DICOM Structured Reports of one image: four profiles, a SOP class and a tree for each."""

from functools import partial
from typing import TYPE_CHECKING

from screening.delivery.content import ReportContent, ReportDocument
from screening.delivery.rendering import DICOM, RENDERINGS, Rendering
from screening.renderings.structured_report.profiles import SOP_CLASSES, TITLES, Profile

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def _render(source: "Dataset", content: ReportContent, *, profile: Profile) -> ReportDocument:
    from screening.renderings.structured_report.document import build_report

    return build_report(source, content, profile)


def _header_in(encoded: bytes) -> "Dataset":
    from screening.renderings.structured_report.header_in_report import header_in_report

    return header_in_report(encoded)


for _profile in Profile:
    RENDERINGS.register(
        Rendering(
            name=_profile.value,
            title=TITLES[_profile],
            media_type=DICOM,
            suffix=".dcm",
            render=partial(_render, profile=_profile),
            sop_class_uid=SOP_CLASSES[_profile],
            header_in=_header_in,
        )
    )
