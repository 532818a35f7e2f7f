"""Score an image again that the bundle has answered with another grey-level curve than is in force.

An instance has one result of a bundle. `screening reprocess` adds a row that waits beside it; what
it finds is written into the result that is there, and the row goes. Until then, and where nothing
is found, the result stays as it was.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from screening.db.calibrations import CalibrationsInForce
from screening.db.events import add_instance_event
from screening.db.tables.instances import Classification
from screening.domain.failures import FailureReason
from screening.domain.grey_curve import sha256_of
from screening.domain.lifecycle import ClassificationState


def answers_to_renew(
    session: Session, rows: Sequence[Classification], bundle_id: int
) -> dict[int, Classification]:
    """Return the result of this bundle that the instance of a waiting row has, by the row's id."""
    instances = {row.instance_id: row.id for row in rows}
    if not instances:
        return {}
    found = session.scalars(
        select(Classification).where(
            Classification.instance_id.in_(instances),
            Classification.bundle_id == bundle_id,
            Classification.id.not_in(instances.values()),
        )
    )
    return {instances[one.instance_id]: one for one in found}


def is_of_other_levels(answer: Classification, in_force: CalibrationsInForce) -> bool:
    """Return whether a result's scores were made with another curve than its sender has now."""
    if answer.state != ClassificationState.CLASSIFIED:
        return False
    curve = in_force.grey_curve_of(answer.instance.calling_ae_title)
    return answer.grey_curve_sha256 != sha256_of(curve)


def keep_as_it_was(session: Session, row: Classification, reason: str | FailureReason) -> None:
    """End a row that was to renew a result, and say in the trail why it could not."""
    add_instance_event(session, row.instance, "renewal_failed", reason=reason)
    session.delete(row)
