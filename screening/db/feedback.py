"""What readers found, read back: counts for figures, and labels for training."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from screening.db.bundle_rows import active_bundle
from screening.db.derived.totals import Kind, by_state_and_subject, read_totals
from screening.db.session import Database
from screening.db.tables.readings import Feedback
from screening.db.tables.studies import Study
from screening.domain.reading import Label
from screening.domain.scores import Class

NOT_CALLED = "none"
"""In the totals: no class reached its threshold."""


@dataclass(frozen=True, slots=True)
class LabelledStudy:
    """A study, and the class that its reader found last."""

    study_instance_uid: str
    label: Label


def feedback_on_active_bundle(database: Database) -> Mapping[tuple[Label, Class | None], int]:
    """Return how many studies readers found a class in, by what the active bundle called them.

    From standing totals: costs the same however many there are. Raises DatabaseUnavailableError.
    """
    bundle = active_bundle(database)
    if bundle is None:
        return {}
    with database.read() as session:
        totals = by_state_and_subject(read_totals(session), Kind.FEEDBACK)
    found: dict[tuple[Label, Class | None], int] = {}
    for (label, subject), count in totals.items():
        called, _, bundle_id = subject.partition(" ")
        if bundle_id == str(bundle.id):
            of = None if called == NOT_CALLED else Class(called)
            found[Label(label), of] = count
    return found


def labelled_studies(database: Database, since: datetime | None) -> Iterator[LabelledStudy]:
    """Yield the studies with feedback since then, each with its newest, in the order of giving.

    since: aware; None: ever. A study whose every image was replaced by a correction has none that
    the label could be of, and is left out. Raises DatabaseUnavailableError.
    """
    newest = select(func.max(Feedback.id)).group_by(Feedback.study_instance_uid)
    rows = (
        select(Feedback.study_instance_uid, Feedback.label)
        .join(Study, Study.study_instance_uid == Feedback.study_instance_uid)
        .where(Feedback.id.in_(newest), Study.demographics_instance_id.is_not(None))
        .order_by(Feedback.id)
    )
    if since is not None:
        rows = rows.where(Feedback.given_at >= since)
    with database.read() as session:
        for row in session.execute(rows):
            yield LabelledStudy(row.study_instance_uid, Label(row.label))
