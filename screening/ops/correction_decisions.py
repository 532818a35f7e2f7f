"""Accept or reject a correction: one transaction, by one person, on record.

Accepted, the corrected object stands in the place of the other one of its SOP Instance UID: it
takes over the results, since the picture is the same, and its report names the other's as its
predecessor. The other's file, rows and reports stay.
"""

from collections.abc import Sequence
from typing import NoReturn

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from screening.db.clock import utc_now
from screening.db.events import add_delivery_event, add_instance_event
from screening.db.session import Database
from screening.db.standing_results import ANSWERS, settle
from screening.db.states import change_state, new_row
from screening.db.tables.decisions import LONGEST_NAME, Correction
from screening.db.tables.instances import Classification, Delivery, Instance, Report
from screening.domain.correction import ASKED_BY_THE_GATE, differing
from screening.domain.eligibility import Reason
from screening.domain.lifecycle import (
    LIFECYCLES,
    ClassificationState,
    CorrectionState,
    DeliveryState,
    Lane,
)
from screening.errors import DecisionRefusedError

UNDER_WAY = (ClassificationState.RECEIVED, ClassificationState.CLAIMED)
OWN_COLUMNS = frozenset(
    {
        *(
            "id",
            "instance_id",
            "state",
            "stands_since",
            "lease_owner",
            "lease_expires_at",
            "not_before",
        ),
        *("report_state", "report_revision", "report_lane"),
        *("report_attempts", "report_not_before", "report_error"),
    }
)
"""Columns of a result that are not copied: its identity, and the state of its reports."""


def accept_correction(
    database: Database, correction_id: int, *, by: str, again: bool = False
) -> None:
    """Make a corrected object the current one.

    by: who decides. again: also one that was rejected, or replaced by a later one. Of several who
    decide at once the first does. Raises DecisionRefusedError where it cannot be done.
    """
    with database.write() as session:
        instances = _locked_instances(session, correction_id)
        row = _to_decide(session, correction_id, CorrectionState.ACCEPTED, again=again)
        corrected = next(one for one in instances if one.id == row.instance_id)
        replaced = next(one for one in instances if not one.conflicting)
        if corrected.removing_since is not None:
            raise DecisionRefusedError(
                f"correction {correction_id}: expected its image in the spool, found that "
                "retention has removed it; send the corrected object again"
            )
        attributes = _differing(replaced, corrected)
        _decide(row, CorrectionState.ACCEPTED, by)
        _record_replaced(session, replaced, attributes, by)
        _exchange(session, replaced, corrected)
        _take_over(session, replaced, corrected, attributes)
        session.add(_verdict(replaced))
        for one in (replaced, corrected):
            settle(session, one.id)
        _give_up_undelivered(session, replaced)
        _dissolve_repetitions(session, instances, corrected)
        told = {"attributes": list(attributes), "by": row.decided_by}
        add_instance_event(session, corrected, "correction_accepted", **told)
        if replaced.study_instance_uid != corrected.study_instance_uid:
            add_instance_event(session, replaced, "correction_accepted", **told)


def reject_correction(database: Database, correction_id: int, *, by: str) -> None:
    """Reject a correction: nothing else changes, and it remains on record.

    Raises DecisionRefusedError where it was decided already.
    """
    with database.write() as session:
        _locked_instances(session, correction_id)
        row = _to_decide(session, correction_id, CorrectionState.REJECTED)
        _decide(row, CorrectionState.REJECTED, by)
        for verdict in _verdicts(session, row.instance_id):
            verdict.reason = Reason.CORRECTION_REJECTED
        add_instance_event(
            session,
            row.instance,
            "correction_rejected",
            attributes=list(row.attributes),
            by=row.decided_by,
        )


def _to_decide(
    session: Session, correction_id: int, to: CorrectionState, *, again: bool = False
) -> Correction:
    row = session.get(
        Correction, correction_id, with_for_update=True, populate_existing=True
    ) or _no_correction(correction_id)
    state = CorrectionState(row.state)
    is_open = state is CorrectionState.WAITING or again
    if not is_open or not LIFECYCLES[CorrectionState].allows(state, to):
        hint = "" if state is CorrectionState.ACCEPTED else "; --again accepts it all the same"
        raise DecisionRefusedError(
            f"correction {correction_id}: expected one that waits for a decision, found that it "
            f"was {state} by {row.decided_by}{hint if to is CorrectionState.ACCEPTED else ''}"
        )
    return row


def _no_correction(correction_id: int) -> NoReturn:
    raise DecisionRefusedError(
        f"expected a correction, found none with number {correction_id}; "
        "`screening corrections list` shows those that wait"
    )


def _locked_instances(session: Session, correction_id: int) -> Sequence[Instance]:
    """Lock every object of a correction's SOP Instance UID, so that one decision is made at a time.

    After their classifications, as everywhere, and before any correction.
    """
    found = session.get(Correction, correction_id) or _no_correction(correction_id)
    same = Instance.sop_instance_uid == found.instance.sop_instance_uid
    ids = select(Instance.id).where(same)
    rows = select(Classification).where(Classification.instance_id.in_(ids))
    session.scalars(rows.order_by(Classification.id).with_for_update()).all()
    return session.scalars(
        select(Instance)
        .where(same)
        .order_by(Instance.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _differing(replaced: Instance, corrected: Instance) -> tuple[str, ...]:
    return differing(replaced.identification or {}, corrected.identification or {})


def _decide(row: Correction, state: CorrectionState, by: str) -> None:
    change_state(row, state)
    row.decided_at, row.decided_by = utc_now(), by[:LONGEST_NAME]


def _record_replaced(
    session: Session, replaced: Instance, attributes: Sequence[str], by: str
) -> None:
    row = session.scalar(select(Correction).where(Correction.instance_id == replaced.id))
    if row is None:
        row = Correction(instance_id=replaced.id, attributes=list(attributes), found_at=utc_now())
        session.add(row)
    _decide(row, CorrectionState.REPLACED, by)


def _exchange(session: Session, replaced: Instance, corrected: Instance) -> None:
    replaced.conflicting = True
    session.flush()  # one stands at a time, also for the database
    corrected.conflicting = False
    session.flush()


def _take_over(
    session: Session, replaced: Instance, corrected: Instance, attributes: Sequence[str]
) -> None:
    """Give the corrected object its results: those of the other, or a place in the queue."""
    for verdict in _verdicts(session, corrected.id):
        session.delete(verdict)
    session.flush()
    own = _rows(session, corrected.id)
    under_way = [row for row in _rows(session, replaced.id) if row.state in UNDER_WAY]
    for row in under_way:  # a worker that has it finds that its lease is lost
        session.delete(row)
    session.flush()
    answered = {row.bundle_id for row in own}
    if not ASKED_BY_THE_GATE.intersection(attributes):
        for row in _rows(session, replaced.id):
            if row.state in ANSWERS and row.bundle_id not in answered:
                session.add(_copy(row, corrected))
                answered.add(row.bundle_id)
    is_queued = any(row.state in UNDER_WAY for row in own)
    if (under_way or not answered) and not is_queued:
        lane = under_way[0].lane if under_way else Lane.LIVE
        session.add(Classification(instance_id=corrected.id, created_at=utc_now(), lane=lane))
    session.flush()


def _copy(row: Classification, corrected: Instance) -> Classification:
    columns = inspect(Classification).columns.keys()
    values = {name: getattr(row, name) for name in columns if name not in OWN_COLUMNS}
    given = {name: value for name, value in values.items() if value is not None}
    return new_row(
        Classification, ClassificationState(row.state), instance_id=corrected.id, **given
    )


def _verdict(replaced: Instance) -> Classification:
    now = utc_now()
    return new_row(
        Classification,
        ClassificationState.NOT_APPLICABLE,
        instance_id=replaced.id,
        reason=Reason.CORRECTED,
        created_at=now,
        finished_at=now,
    )


def _rows(session: Session, instance_id: int) -> Sequence[Classification]:
    return session.scalars(
        select(Classification)
        .where(Classification.instance_id == instance_id)
        .order_by(Classification.id)
        .execution_options(populate_existing=True)
    ).all()


def _verdicts(session: Session, instance_id: int) -> list[Classification]:
    return [
        row
        for row in _rows(session, instance_id)
        if row.bundle_id is None and row.state == ClassificationState.NOT_APPLICABLE
    ]


def _give_up_undelivered(session: Session, replaced: Instance) -> None:
    """Stop reports with the earlier demographics that are not being sent; the new one follows."""
    waiting = (
        select(Delivery)
        .join(Report)
        .join(Classification)
        .where(
            Classification.instance_id == replaced.id,
            Delivery.state.in_([DeliveryState.PENDING, DeliveryState.PARKED]),
        )
    )
    for row in session.scalars(waiting.with_for_update(of=Delivery)):
        change_state(row, DeliveryState.GIVEN_UP)
        row.not_before = None
        add_delivery_event(session, row, "delivery_given_up")


def _dissolve_repetitions(
    session: Session, instances: Sequence[Instance], standing: Instance
) -> None:
    """Close the corrections that wait and now agree with the current object."""
    waiting = select(Correction).where(
        Correction.instance_id.in_([one.id for one in instances]),
        Correction.state == CorrectionState.WAITING,
    )
    for row in session.scalars(waiting.with_for_update()):
        if not _differing(standing, row.instance):
            for verdict in _verdicts(session, row.instance_id):
                verdict.reason, verdict.detail = Reason.REPEATED_PICTURE, None
            add_instance_event(
                session, row.instance, "instance_compared", reason=Reason.REPEATED_PICTURE
            )
            session.delete(row)
