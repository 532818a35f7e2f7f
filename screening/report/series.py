"""When the series began that a bundle's reports in one study are."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from screening.db.tables.instances import Classification, Instance
from screening.domain.lifecycle import ClassificationState


def series_started_at(session: Session, row: Classification) -> datetime | None:
    """Return when the bundle first classified an image of this result's study.

    So all reports of a series say the same, and the report on the first image what it says of
    itself. Source: PS3.3 C.17.1 (Series Date, Series Time).
    """
    first = (
        select(func.min(Classification.finished_at))
        .join(Instance, Classification.instance_id == Instance.id)
        .where(
            Instance.study_instance_uid == row.instance.study_instance_uid,
            Classification.bundle_id == row.bundle_id,
            Classification.state == ClassificationState.CLASSIFIED,
        )
    )
    started_at: datetime | None = session.scalar(first)
    return started_at
