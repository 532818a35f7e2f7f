"""Which of an instance's results stands, kept as a mark on its row and moved here alone.

What the active bundle found stands, score or refusal; else the newest score, else the newest
refusal, else the newest failure. A verdict without a bundle, on an object that another one of its
SOP Instance UID stands for, goes before all. A score that comes to stand makes its report due,
which names the one that stood before; a report that is due for a score that stands no more is
withdrawn.
"""

from sqlalchemy import ColumnElement, and_, exists, false, func, literal, select
from sqlalchemy.orm import Session, aliased

from screening.db.clock import shared_now
from screening.db.events import add_instance_event
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.instances import Bundle, Classification, Instance, Report
from screening.domain.lifecycle import BundleRole, ClassificationState, Lane, ReportState

INSTANCES_A_TRANSACTION = 100
FINISHED = (
    ClassificationState.CLASSIFIED,
    ClassificationState.NOT_APPLICABLE,
    ClassificationState.FAILED,
)
"""States of a result, the one that tells most first."""
ANSWERS = (ClassificationState.CLASSIFIED, ClassificationState.NOT_APPLICABLE)
"""States of what a bundle found; a failure is no finding."""


def settle(session: Session, instance_id: int, *, lane: Lane = Lane.LIVE) -> bool:
    """Have the result stand that should; return whether another one stands now.

    lane: of the report of what comes to stand. Locks the instance's row; whoever locks its
    classifications does so before.
    """
    session.flush()
    instance = session.get_one(Instance, instance_id, with_for_update=True)
    rows = session.scalars(
        select(Classification)
        .where(Classification.instance_id == instance_id)
        .execution_options(populate_existing=True)  # as they are now that the lock is held
    ).all()
    active_id = _active_bundle_id(session)
    finished = [row for row in rows if row.state in FINISHED]
    best = max(finished, key=lambda row: _rank(row, active_id), default=None)
    standing = next((row for row in rows if row.stands_since is not None), None)
    if best is standing:
        return False
    if standing is not None:
        standing.stands_since = None
        _withdraw_report(session, standing)
        session.flush()  # one stands at a time, also for the database
    if best is not None:
        best.stands_since = shared_now(session)
        _tell(session, instance, best, standing, lane)
    session.flush()
    return True


def settle_passed_over(database: Database, *, limit: int = INSTANCES_A_TRANSACTION) -> int:
    """Have the active bundle's results stand where another one's do; return how many now do.

    One transaction of up to `limit` instances; 0 where nothing is left to do. Interrupted, the
    next call goes on. Their reports wait behind live ones. Raises DatabaseUnavailableError.
    """
    with database.write() as session:
        passed_over = (
            select(Classification)
            .where(is_passed_over(_active_bundle_id(session)))
            .order_by(Classification.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ids = [row.instance_id for row in session.scalars(passed_over)]
        return sum(settle(session, one, lane=Lane.BACKFILL) for one in sorted(ids))


def anything_passed_over(database: Database) -> bool:
    """Return whether a result of the active bundle does not stand."""
    with database.read() as session:
        found = select(Classification.id).where(is_passed_over(_active_bundle_id(session)))
        return session.execute(found.limit(1)).first() is not None


def is_standing_score(bundle_id: int) -> ColumnElement[bool]:
    """Scores of a bundle that stand."""
    return and_(
        Classification.bundle_id == bundle_id,
        Classification.state == ClassificationState.CLASSIFIED,
        Classification.stands_since.is_not(None),
    )


def is_passed_over(bundle_id: int | None) -> ColumnElement[bool]:
    """Answers of a bundle that do not stand, of instances that no other one stands for.

    bundle_id: None has none.
    """
    if bundle_id is None:
        return false()
    verdict = aliased(Classification)
    # written into the statement, so that the partial index is used
    in_words = [literal(state.value, literal_execute=True) for state in ANSWERS]
    return (
        (Classification.bundle_id == bundle_id)
        & Classification.state.in_(in_words)
        & Classification.stands_since.is_(None)
        & ~exists().where(
            verdict.instance_id == Classification.instance_id,
            verdict.stands_since.is_not(None),
            verdict.bundle_id.is_(None),
        )
    )


def report_again(session: Session, row: Classification) -> None:
    """Make a report due of a result that stands and whose priority has changed.

    What was reported is replaced; a report that is due already will say the new priority.
    """
    if row.report_state != ReportState.MADE:
        return
    instance = session.get_one(Instance, row.instance_id, with_for_update=True)
    row.stands_since = shared_now(session)
    _make_report_due(session, instance, row, Lane.BACKFILL)


def _active_bundle_id(session: Session) -> int | None:
    return session.scalar(select(Bundle.id).where(Bundle.role == BundleRole.ACTIVE))


def _rank(row: Classification, active_id: int | None) -> tuple[int, float, int]:
    """Return what sorts the result that stands last."""
    if row.bundle_id is None and row.state == ClassificationState.NOT_APPLICABLE:
        place = len(FINISHED) + 1
    elif row.bundle_id == active_id and row.state in ANSWERS:
        place = len(FINISHED)
    else:
        place = len(FINISHED) - 1 - FINISHED.index(ClassificationState(row.state))
    return place, row.finished_at.timestamp() if row.finished_at else 0.0, row.id


def _withdraw_report(session: Session, row: Classification) -> None:
    """Make no report of what stands no more, unless it is made already."""
    if row.report_state not in {ReportState.DUE, ReportState.FAILED}:
        return
    made = exists().where(Report.classification_id == row.id)
    change_state(row, ReportState.MADE if session.scalar(select(made)) else ReportState.NONE)
    row.report_not_before = row.report_error = None


def _tell(
    session: Session,
    instance: Instance,
    row: Classification,
    before: Classification | None,
    lane: Lane,
) -> None:
    """Make the report due of what stands now, and say in the trail what it replaces."""
    if row.state == ClassificationState.CLASSIFIED:
        _make_report_due(session, instance, row, lane)
    if row.bundle and before and before.bundle and before.state in ANSWERS:
        add_instance_event(
            session,
            instance,
            "result_stands",
            bundle=f"{row.bundle.name} {row.bundle.version}",
            instead_of=f"{before.bundle.name} {before.bundle.version}",
        )


def _make_report_due(session: Session, instance: Instance, row: Classification, lane: Lane) -> None:
    change_state(row, ReportState.DUE)
    row.report_attempts = 0
    row.report_not_before = row.report_error = None
    row.report_revision = _next_revision(session, instance, row)
    row.report_lane = lane


def _next_revision(session: Session, instance: Instance, row: Classification) -> int:
    """Return one more than the newest report's, of this SOP instance by this bundle; 0: none."""
    newest = session.scalar(
        select(func.max(Report.revision))
        .join(Classification, Classification.id == Report.classification_id)
        .join(Instance, Instance.id == Classification.instance_id)
        .where(
            Instance.sop_instance_uid == instance.sop_instance_uid,
            Classification.bundle_id == row.bundle_id,
        )
    )
    return 0 if newest is None else newest + 1
