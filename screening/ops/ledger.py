"""The ledger: every received instance is in exactly one state, and the sum shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, true
from sqlalchemy.orm import Session

from screening.db.derived.totals import (
    Counts,
    Kind,
    by_state_and_subject,
    by_subject_and_state,
    read_totals,
)
from screening.db.session import Database
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.db.tables.commitment_scu import ReportCommitment
from screening.db.tables.instances import Classification, Delivery, Instance, Report
from screening.db.tables.views import PENDING, instance_results
from screening.domain.lifecycle import ClassificationState, Lane

_UNFINISHED = (ClassificationState.RECEIVED, ClassificationState.CLAIMED)
_WITH_REASON = (ClassificationState.NOT_APPLICABLE, ClassificationState.FAILED)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts of instances, received and by state, with what became of their reports.

    reasons: instances by state (not_applicable, failed) and coded reason.
    backfill_pending: re-runs that wait or run; their instances keep their earlier state meanwhile.
    deliveries: by destination and state. report_commitments: the same, of what destinations were to
    confirm. peer_commitment_requests: peers' requests to us, by calling AE title and state.
    removed: instances whose image retention has removed; they are counted in their states as well.
    """

    received: int
    classified: int
    not_applicable: int
    failed: int
    pending: int
    reasons: Mapping[tuple[str, str], int]
    backfill_pending: int
    deliveries: Mapping[tuple[str, str], int]
    report_commitments: Mapping[tuple[str, str], int]
    peer_commitment_requests: Mapping[tuple[str, str], int]
    removed: int

    @property
    def adds_up(self) -> bool:
        """Whether received = classified + not applicable + failed + pending."""
        return self.received == (self.classified + self.not_applicable + self.failed + self.pending)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold: the counts, and the breakdowns as lists of objects."""
        return {
            "received": self.received,
            "classified": self.classified,
            "not_applicable": self.not_applicable,
            "failed": self.failed,
            "pending": self.pending,
            "adds_up": self.adds_up,
            "reasons": [
                {"state": state, "reason": reason, "count": count}
                for (state, reason), count in sorted(self.reasons.items())
            ],
            "backfill_pending": self.backfill_pending,
            "deliveries": [
                {"destination": destination, "state": state, "count": count}
                for (destination, state), count in sorted(self.deliveries.items())
            ],
            "commitments": [
                {"destination": destination, "state": state, "count": count}
                for (destination, state), count in sorted(self.report_commitments.items())
            ],
            "commitment_requests": [
                {"calling_ae_title": title, "state": state, "count": count}
                for (title, state), count in sorted(self.peer_commitment_requests.items())
            ],
            "removed": self.removed,
        }


def read_ledger(database: Database, *, since: datetime | None = None) -> Ledger:
    """Return the counts of the instances received at or after `since`, and of their reports.

    since: aware; costs time in proportion to what was received since then. None: all, from
    standing totals, however many there are.
    Raises DatabaseUnavailableError where the database is away.
    """
    with database.read() as session:
        if since is None:
            return _standing(read_totals(session))
        received, by_state = _count_instances(session, since)
        return Ledger(
            received=received,
            classified=by_state.get(ClassificationState.CLASSIFIED, 0),
            not_applicable=by_state.get(ClassificationState.NOT_APPLICABLE, 0),
            failed=by_state.get(ClassificationState.FAILED, 0),
            pending=by_state.get(PENDING, 0),
            reasons=_count_pairs(session, _reasons(since)),
            backfill_pending=session.execute(_backfill_pending(since)).scalar_one(),
            deliveries=_count_pairs(session, _deliveries(since)),
            report_commitments=_count_pairs(session, _report_commitments(since)),
            peer_commitment_requests=_count_pairs(session, _peer_commitment_requests(since)),
            removed=session.execute(_removed(since)).scalar_one(),
        )


def _standing(totals: Counts) -> Ledger:
    states = {
        state: totals[Kind.INSTANCES, state, ""]
        for state in ("classified", "not_applicable", "failed", PENDING)
    }
    return Ledger(
        received=totals[Kind.RECEIVED, "", ""],
        **states,
        reasons=by_state_and_subject(totals, Kind.REASONS),
        backfill_pending=totals[Kind.BACKFILL, PENDING, ""],
        deliveries=by_subject_and_state(totals, Kind.DELIVERIES),
        report_commitments=by_subject_and_state(totals, Kind.REPORT_COMMITMENTS),
        peer_commitment_requests=by_subject_and_state(totals, Kind.PEER_COMMITMENT_REQUESTS),
        removed=totals[Kind.REMOVED, "", ""],
    )


def _count_instances(session: Session, since: datetime) -> tuple[int, dict[str, int]]:
    """Count rows and states in one statement: at PostgreSQL's isolation two could disagree."""
    received = (
        select(func.count())
        .select_from(Instance)
        .where(Instance.received_at >= since)
        .scalar_subquery()
    )
    states = (
        select(instance_results.c.state, func.count().label("instances"))
        .where(instance_results.c.received_at >= since)
        .group_by(instance_results.c.state)
        .subquery()
    )
    total = select(received.label("received")).subquery()
    rows = session.execute(
        select(total.c.received, states.c.state, states.c.instances).join_from(
            total, states, true(), isouter=True
        )
    ).all()
    return rows[0].received, {row.state: row.instances for row in rows if row.state is not None}


def _count_pairs(session: Session, statement: Select[str, str, int]) -> dict[tuple[str, str], int]:
    return {(first, second): count for first, second, count in session.execute(statement)}


def _reasons(since: datetime) -> Select[str, str, int]:
    reason = func.coalesce(Classification.reason, "")
    return (
        select(instance_results.c.state, reason, func.count())
        .join(Classification, Classification.id == instance_results.c.classification_id)
        .where(
            instance_results.c.state.in_(_WITH_REASON),
            instance_results.c.received_at >= since,
        )
        .group_by(instance_results.c.state, reason)
    )


def _backfill_pending(since: datetime) -> Select[int]:
    return (
        select(func.count())
        .select_from(Classification)
        .join(Instance)
        .where(
            Classification.lane == Lane.BACKFILL,
            Classification.state.in_(_UNFINISHED),
            Instance.received_at >= since,
        )
    )


def _deliveries(since: datetime) -> Select[str, str, int]:
    return (
        select(Delivery.destination, Delivery.state, func.count())
        .join(Report)
        .join(Classification)
        .join(Instance)
        .where(Instance.received_at >= since)
        .group_by(Delivery.destination, Delivery.state)
    )


def _report_commitments(since: datetime) -> Select[str, str, int]:
    return (
        select(Delivery.destination, ReportCommitment.state, func.count())
        .join(ReportCommitment, ReportCommitment.delivery_id == Delivery.id)
        .join(Report)
        .join(Classification)
        .join(Instance)
        .where(Instance.received_at >= since)
        .group_by(Delivery.destination, ReportCommitment.state)
    )


def _peer_commitment_requests(since: datetime) -> Select[str, str, int]:
    row = PeerCommitmentRequest
    return (
        select(row.calling_ae_title, row.state, func.count())
        .where(row.requested_at >= since)
        .group_by(row.calling_ae_title, row.state)
    )


def _removed(since: datetime) -> Select[int]:
    return (
        select(func.count())
        .select_from(Instance)
        .where(Instance.removed_at.is_not(None), Instance.received_at >= since)
    )
