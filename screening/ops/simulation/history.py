"""A site's own studies, with the moments in which its readers read, from its database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from screening.db.session import Database
from screening.db.tables.readings import Feedback, Reading
from screening.db.tables.studies import Study
from screening.domain.lifecycle import ReadingState
from screening.domain.reading import Label
from screening.ops.simulation.replay import QueuedStudy

ALL = "all"
PRIORITIES = ("STAT", "HIGH", "MEDIUM", "UNSCORED", "LOW", "NOT SCREENED")
SITE_GROUPS = (ALL, *PRIORITIES, *(f"reader found {label.replace('_', ' ')}" for label in Label))


@dataclass(frozen=True, slots=True)
class History:
    """Studies in the order of arrival, and when readers began to read those that are read."""

    studies: tuple[QueuedStudy, ...]
    readings: tuple[datetime, ...]


def read_history(database: Database, since: datetime) -> History:
    """Return the studies received since then, at the places that they have now.

    A reading begins when its study is claimed. Its class is what the newest feedback says, where
    there is one. Raises DatabaseUnavailableError.
    """
    newest = select(func.max(Feedback.id)).group_by(Feedback.study_instance_uid)
    labels = select(Feedback.study_instance_uid, Feedback.label).where(Feedback.id.in_(newest))
    first_claims = (
        select(func.min(Reading.claimed_at))
        .join(Study, Study.study_instance_uid == Reading.study_instance_uid)
        .where(Reading.state == ReadingState.READ, Study.received_at >= since)
        .group_by(Reading.study_instance_uid)
    )
    columns = (Study.received_at, Study.rank, Study.score_order, Study.study_instance_uid)
    studies = select(*columns, Study.priority).where(Study.received_at >= since)
    order = (Study.received_at, Study.study_instance_uid)
    with database.read() as session:
        found = {row.study_instance_uid: row.label for row in session.execute(labels)}
        return History(
            studies=tuple(
                QueuedStudy(at, rank, score, uid, _groups(priority, found.get(uid)))
                for at, rank, score, uid, priority in session.execute(studies.order_by(*order))
            ),
            readings=tuple(sorted(session.scalars(first_claims))),
        )


def _groups(priority: str, label: str | None) -> tuple[str, ...]:
    told = (f"reader found {label.replace('_', ' ')}",) if label else ()
    return (ALL, priority, *told)
