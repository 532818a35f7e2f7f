"""A rendering made up for tests, in one file, by the recipe of CONTRIBUTING: JSON."""

import json
from typing import TYPE_CHECKING

from screening.delivery.content import ReportContent, ReportDocument
from screening.delivery.rendering import RENDERINGS, Rendering
from screening.delivery.uids import report_instance_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

NAME = "made_up"


def _render(source: "Dataset", content: ReportContent) -> ReportDocument:
    said = {
        "image": str(source.SOPInstanceUID),
        "priority": content.triage.priority,
        "covid19": content.scores.ensemble.covid19,
        "supersedes": [one.sop_instance_uid for one in content.predecessors],
    }
    return ReportDocument(
        sop_instance_uid=report_instance_uid(
            source.SOPInstanceUID, content.bundle.digest, NAME, content.revision
        ),
        study_instance_uid=str(source.StudyInstanceUID),
        encoded=json.dumps(said, sort_keys=True).encode(),
    )


RENDERINGS.register(
    Rendering(
        name=NAME,
        title="JSON",
        media_type="application/json",
        suffix=".json",
        render=_render,
    )
)
