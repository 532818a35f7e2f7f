"""The result as an HL7 v2.5.1 message: an unsolicited observation, ORU^R01."""

from typing import TYPE_CHECKING

from screening.delivery.content import ReportContent, ReportDocument
from screening.delivery.rendering import HL7, RENDERINGS, Rendering

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

NAME = "oru_r01"


def _render(source: "Dataset", content: ReportContent) -> ReportDocument:
    from screening.renderings.oru_r01.message import build_message

    return build_message(source, content, NAME)


RENDERINGS.register(
    Rendering(
        name=NAME,
        title="HL7 v2.5.1 ORU^R01",
        media_type=HL7,
        suffix=".hl7",
        render=_render,
    )
)
