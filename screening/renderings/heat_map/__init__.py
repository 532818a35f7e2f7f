"""Heat-maps over the radiograph as a DICOM Secondary Capture image, for research."""

from typing import TYPE_CHECKING

from screening.delivery.content import ReportContent, ReportDocument
from screening.delivery.rendering import DICOM, RENDERINGS, Rendering

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def _render(source: "Dataset", content: ReportContent) -> ReportDocument:
    from screening.renderings.heat_map.secondary_capture import build_secondary_capture

    return build_secondary_capture(source, content, SECONDARY_CAPTURE)


RENDERINGS.register(
    Rendering(
        name="heat_map",
        title="heat-map Secondary Capture",
        media_type=DICOM,
        suffix=".dcm",
        render=_render,
        sop_class_uid=SECONDARY_CAPTURE,
        needs_heat_maps=True,
    )
)
