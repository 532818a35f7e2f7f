"""What changes with the active bundle: its earlier results become current at once."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from screening.db.session import Database
from screening.db.standing_results import ANSWERS, is_passed_over, settle_passed_over
from screening.db.tables.instances import Classification, Instance
from screening.domain.lifecycle import ClassificationState


@dataclass(frozen=True, slots=True)
class ChangeOver:
    """What activating a bundle changes; nothing is scored.

    results: images whose result by this bundle is there and comes to stand; studies: theirs.
    reports: of these results, to be issued, one for each SR profile in use. without: images that
    it has no result for, which keep the one they have; removed: those of them that retention
    removed, which nothing can compute any more.
    """

    results: int
    studies: int
    reports: int
    without: int
    removed: int

    def as_dict(self) -> dict[str, Any]:
        """Return the counts by name."""
        return asdict(self)


def plan_change_over(database: Database, bundle_id: int | None) -> ChangeOver:
    """Count what activating a bundle changes. bundle_id: None for a new bundle."""
    with database.read() as session:
        results, studies, reports = _to_stand(session, bundle_id)
        without = ~_is_answered(bundle_id)
        return ChangeOver(
            results=results,
            studies=studies,
            reports=reports,
            without=_instances(session, without),
            removed=_instances(session, without & Instance.removing_since.is_not(None)),
        )


def finish_change_over(database: Database) -> int:
    """Make every result of the active bundle the current one; return how many changed.

    In small transactions: what an interruption leaves is done by the next call, or by the report
    workers' sweep. Raises DatabaseUnavailableError.
    """
    done = 0
    while settled := settle_passed_over(database):
        done += settled
    return done


def _to_stand(session: Session, bundle_id: int | None) -> tuple[int, int, int]:
    is_scored = Classification.state == ClassificationState.CLASSIFIED
    results, studies, reports = session.execute(
        select(
            func.count(),
            func.count(Instance.study_instance_uid.distinct()),
            func.count().filter(is_scored),
        )
        .select_from(Classification)
        .join(Instance)
        .where(is_passed_over(bundle_id))
    ).one()
    return int(results), int(studies), int(reports)


def _is_answered(bundle_id: int | None) -> ColumnElement[bool]:
    row = aliased(Classification)
    answers = select(row.instance_id).where(row.bundle_id == bundle_id, row.state.in_(ANSWERS))
    return Instance.id.in_(answers)


def _instances(session: Session, which: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(Instance).where(~Instance.conflicting, which)
    return session.execute(counted).scalar_one()
