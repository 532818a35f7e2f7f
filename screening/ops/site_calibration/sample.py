"""The site's own recent results, of which a calibration is made."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from screening.db.session import Database
from screening.db.standing_results import is_standing_score
from screening.db.tables.instances import Classification, Instance
from screening.domain.scores import ClassScores
from screening.domain.site_calibration import highest_of_study

MOST_IMAGES = 20_000
"""The newest; more would tell nothing new."""
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """One image whose current result is a score of the active bundle."""

    sop_instance_uid: str
    study_instance_uid: str
    accession_number: str = field(repr=False)
    calling_ae_title: str
    received_at: datetime
    scores: ClassScores
    grey_curve_sha256: str | None = None
    """Of the site's grey-level curve that they were made with; None: of none."""


def scored_images(database: Database, bundle_id: int) -> list[ScoredImage]:
    """Return the images that have a score of this bundle, newest first, up to MOST_IMAGES.

    Objects that conflict with an earlier one are left out. Raises DatabaseUnavailableError.
    """
    result = Classification
    statement = (
        select(
            Instance.sop_instance_uid,
            Instance.study_instance_uid,
            Instance.accession_number,
            Instance.calling_ae_title,
            Instance.received_at,
            result.covid19,
            result.pneumonia,
            result.normal,
            result.grey_curve_sha256,
        )
        .join(result, result.instance_id == Instance.id)
        .where(
            is_standing_score(bundle_id),
            ~Instance.conflicting,
        )
        .order_by(Instance.received_at.desc(), Instance.id.desc())
        .limit(MOST_IMAGES)
    )
    with database.read() as session:
        return [
            ScoredImage(
                *row[:5],
                ClassScores(*(min(max(value or 0.0, 0.0), 1.0) for value in row[5:8])),
                row.grey_curve_sha256,
            )
            for row in session.execute(statement)
        ]


def scores_of_studies(images: Sequence[ScoredImage]) -> list[ClassScores]:
    """Return each study's highest scores, in the order of the studies' UIDs."""
    by_study: defaultdict[str, list[ClassScores]] = defaultdict(list)
    for image in images:
        by_study[image.study_instance_uid].append(image.scores)
    return [highest_of_study(by_study[uid]) for uid in sorted(by_study)]


def studies_per_day(images: Sequence[ScoredImage]) -> float:
    """Return the mean number of studies a day in the images' period, which counts a day at least.

    images: one or more.
    """
    studies = len({image.study_instance_uid for image in images})
    period = max(image.received_at for image in images) - min(i.received_at for i in images)
    return studies / max(period / _A_DAY, 1.0)
