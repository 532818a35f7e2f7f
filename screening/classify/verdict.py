"""End the examination of an object that another one of its SOP Instance UID stands for."""

from sqlalchemy.orm import Session

from screening.db.clock import shared_now
from screening.db.events import add_instance_event
from screening.db.states import change_state
from screening.db.tables.instances import Classification
from screening.domain.eligibility import Reason
from screening.domain.lifecycle import ClassificationState
from screening.work.queues import CLASSIFICATIONS

MAX_DETAIL_CHARACTERS = 255


def give_verdict(session: Session, row: Classification, reason: Reason, found: str) -> None:
    """Write a verdict, which is no bundle's: whichever is active, another object stands."""
    change_state(row, ClassificationState.NOT_APPLICABLE)
    row.reason, row.detail = reason, found[:MAX_DETAIL_CHARACTERS]
    row.bundle = None
    row.finished_at = shared_now(session)
    CLASSIFICATIONS.release(row)
    add_instance_event(session, row.instance, "instance_compared", reason=reason)
