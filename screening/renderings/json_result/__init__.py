"""The result as JSON: without any patient attribute, and with them for sites that say so."""

from functools import partial
from typing import TYPE_CHECKING

from screening.delivery.content import ReportContent, ReportDocument
from screening.delivery.rendering import JSON, RENDERINGS, Rendering

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

WITHOUT_PATIENT, WITH_PATIENT = "json", "json_with_patient"
TITLES = {WITHOUT_PATIENT: "JSON", WITH_PATIENT: "JSON with the patient"}


def _render(source: "Dataset", content: ReportContent, *, name: str) -> ReportDocument:
    from screening.renderings.json_result.document import build_document

    return build_document(source, content, name, with_patient=name == WITH_PATIENT)


for _name, _title in TITLES.items():
    RENDERINGS.register(
        Rendering(
            name=_name,
            title=_title,
            media_type=JSON,
            suffix=".json",
            render=partial(_render, name=_name),
        )
    )
