"""Claims and feedback in figures, for the metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from screening.db.feedback import feedback_on_active_bundle
from screening.db.session import Database
from screening.db.tables.columns import stands_at
from screening.db.tables.readings import Reading
from screening.domain.lifecycle import ReadingState
from screening.domain.observed import Observed, observed
from screening.domain.reading import Label


@dataclass(frozen=True, slots=True)
class ReadingFigures:
    """What readers do and found.

    oldest_claim_age_s: 0 where none is open. labels: studies by the class that readers found, of
    those that the active bundle scored. observed: how well it does by that.
    """

    open_claims: int
    oldest_claim_age_s: float
    labels: Mapping[Label, int]
    observed: Sequence[Observed]


def reading_figures(database: Database, now: datetime) -> ReadingFigures:
    """Return the figures of this moment; now: aware. Raises DatabaseUnavailableError."""
    is_open = stands_at(Reading.state, ReadingState.CLAIMED)
    claims = select(func.count(), func.min(Reading.claimed_at)).where(is_open)
    with database.read() as session:
        count, oldest = session.execute(claims).one()
        age_s = 0.0 if count == 0 else (now - oldest).total_seconds()
    feedback = feedback_on_active_bundle(database)
    labels = dict.fromkeys(Label, 0)
    for (label, _), studies in feedback.items():
        labels[label] += studies
    return ReadingFigures(
        open_claims=count,
        oldest_claim_age_s=max(0.0, age_s),
        labels=labels,
        observed=observed(feedback),
    )
