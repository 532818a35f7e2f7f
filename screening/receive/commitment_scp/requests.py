"""Requests for commitment as rows: a request that was answered with Success is never forgotten."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from screening.db.clock import shared_now, utc_now
from screening.db.derived.upkeep import NOTED, note_requested
from screening.db.events import add_event
from screening.db.insert import insert_or_nothing
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.db.tables.instances import Instance
from screening.domain.backoff import Backoff
from screening.domain.commitment import (
    CommitmentAnswer,
    CommitmentRequested,
    NotCommitted,
    SopReference,
    as_pairs,
    from_pairs,
    references_sha256,
)
from screening.domain.lifecycle import PeerCommitmentRequestState as State
from screening.errors import TransientError
from screening.work.queues import (
    OPEN_REQUESTS,
    PEER_COMMITMENT_REQUESTS,
    REQUEST_LEASE_S,
)

GIVE_UP_AFTER = timedelta(days=7)
MOST_OPEN_REQUESTS = 1000
"""Of one peer: one that never takes an answer gets Resource Limitation for further requests."""
UIDS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class ClaimedRequest:
    """One request under lease."""

    request_id: int
    attempt: int
    """The lease's token."""
    calling_ae_title: str
    requested: CommitmentRequested
    duplicate: bool
    """Whether another request of this peer has its Transaction UID."""


def add_request(database: Database, calling_ae_title: str, asked: CommitmentRequested) -> int:
    """Record a request and return its id; one that is repeated is the same row, due again.

    Another request under a Transaction UID that this peer has used is a row of its own, marked as
    duplicate. Raises DatabaseUnavailableError, and TransientError where too many are open.
    """
    same_uid = select(PeerCommitmentRequest).where(
        PeerCommitmentRequest.calling_ae_title == calling_ae_title,
        PeerCommitmentRequest.transaction_uid == asked.transaction_uid,
    )
    the_same = same_uid.where(
        PeerCommitmentRequest.references_sha256 == references_sha256(asked.references)
    )
    with database.write() as session:
        others = session.scalars(same_uid.with_for_update()).all()
        _require_room(session, calling_ae_title)
        _insert(session, calling_ae_title, asked, duplicate=bool(others))
        row = session.scalars(the_same.with_for_update()).one()
        if row.state not in {State.DUE, State.REPORTING}:
            change_state(row, State.DUE)
            row.attempts, row.requested_at = 0, utc_now()
        row.not_before = None if row.state == State.DUE else row.not_before
        add_event(
            session,
            "commitment_requested",
            calling_ae_title=calling_ae_title,
            transaction_uid=asked.transaction_uid,
            references=len(asked.references),
        )
        return row.id


def _insert(
    session: Session, calling_ae_title: str, asked: CommitmentRequested, *, duplicate: bool
) -> None:
    """Insert a request, unless the same one is there."""
    inserted = insert_or_nothing(
        session,
        PeerCommitmentRequest,
        calling_ae_title=calling_ae_title,
        transaction_uid=asked.transaction_uid,
        references_sha256=references_sha256(asked.references),
        sop_references=as_pairs(asked.references),
        duplicate=duplicate,
        requested_at=utc_now(),
    ).returning(PeerCommitmentRequest.id)
    if session.execute(inserted, execution_options=NOTED).first() is not None:
        note_requested(session, calling_ae_title, State.DUE)


def _require_room(session: Session, calling_ae_title: str) -> None:
    its = PeerCommitmentRequest.calling_ae_title == calling_ae_title
    found = session.execute(select(func.count()).where(OPEN_REQUESTS, its)).scalar_one()
    if found >= MOST_OPEN_REQUESTS:
        raise TransientError(
            f"expected at most {MOST_OPEN_REQUESTS} requests of one peer that wait for their "
            f"answer, found {found}; see why it does not take them"
        )


def peers_due(database: Database) -> list[str]:
    """Return the AE titles of peers for which a report is due."""
    with database.read() as session:
        title, now = PeerCommitmentRequest.calling_ae_title, shared_now(session)
        return PEER_COMMITMENT_REQUESTS.due_values(session, now, title, OPEN_REQUESTS)


def claim_request(database: Database, calling_ae_title: str) -> ClaimedRequest | None:
    """Claim a peer's oldest due request, None where none is. Raises DatabaseUnavailableError."""
    its = PeerCommitmentRequest.calling_ae_title == calling_ae_title
    with database.write() as session:
        now = shared_now(session)
        rows = PEER_COMMITMENT_REQUESTS.due(session, now, OPEN_REQUESTS, its, limit=1)
        if not rows:
            return None
        [row] = rows
        ends_at = now + timedelta(seconds=REQUEST_LEASE_S)
        PEER_COMMITMENT_REQUESTS.take(row, token=row.attempts + 1, ends_at=ends_at)
        asked = CommitmentRequested(row.transaction_uid, from_pairs(row.sop_references))
        return ClaimedRequest(row.id, row.attempts, calling_ae_title, asked, row.duplicate)


def record_reported(
    database: Database, claimed: ClaimedRequest, answer: CommitmentAnswer, status: int
) -> None:
    """Record the report and the peer's status for it. Raises DatabaseUnavailableError."""
    with database.write() as session:
        row = session.get_one(PeerCommitmentRequest, claimed.request_id, with_for_update=True)
        if row.state not in {State.DUE, State.REPORTING}:
            return
        change_state(row, State.REFUSED if status else State.REPORTED)
        PEER_COMMITMENT_REQUESTS.release(row)
        row.reported_at = utc_now()
        row.committed, row.failed = len(answer.committed), len(answer.failed)
        row.last_status, row.last_message = f"0x{status:04X}", None
        _add_event(session, row, "commitment_reported", status=row.last_status)
        _add_instance_events(session, claimed.calling_ae_title, answer)


def record_not_reported(
    database: Database,
    claimed: ClaimedRequest,
    message: str,
    *,
    unreachable: bool,
    backoff: Backoff,
) -> None:
    """Have the report sent later; give up after a week.

    unreachable: whatever else is due for this peer waits as long. Raises DatabaseUnavailableError;
    the lease then runs out.
    """
    with database.write() as session:
        row = session.get_one(PeerCommitmentRequest, claimed.request_id, with_for_update=True)
        if not PEER_COMMITMENT_REQUESTS.is_held_by(row, claimed.attempt):
            return
        row.last_status, row.last_message = None, message[:255]
        if utc_now() - row.requested_at >= GIVE_UP_AFTER:
            change_state(row, State.GIVEN_UP)
            PEER_COMMITMENT_REQUESTS.release(row)
            _add_event(
                session, row, "commitment_not_reported", message=message, what_next="given up"
            )
            return
        until = shared_now(session) + timedelta(seconds=backoff.wait_s(row.attempts))
        PEER_COMMITMENT_REQUESTS.give_back(row, not_before=until)
        _add_event(
            session, row, "commitment_not_reported", message=message, what_next="to be tried again"
        )
        if unreachable:
            _postpone_all(session, row.calling_ae_title, until)


def let_go(database: Database, claimed: ClaimedRequest) -> None:
    """Make a claimed request due at once: its association has ended, so a new one is needed.

    Raises DatabaseUnavailableError; the lease then runs out.
    """
    with database.write() as session:
        row = session.get_one(PeerCommitmentRequest, claimed.request_id, with_for_update=True)
        if PEER_COMMITMENT_REQUESTS.is_held_by(row, claimed.attempt):
            PEER_COMMITMENT_REQUESTS.give_back(row, not_before=None)


def _postpone_all(session: Session, calling_ae_title: str, until: datetime) -> None:
    session.execute(
        update(PeerCommitmentRequest)
        .where(
            PeerCommitmentRequest.calling_ae_title == calling_ae_title,
            PeerCommitmentRequest.state == State.DUE,
            or_(
                PeerCommitmentRequest.not_before.is_(None), PeerCommitmentRequest.not_before < until
            ),
        )
        .values(not_before=until)
    )


def _add_event(session: Session, row: PeerCommitmentRequest, kind: str, **detail: Any) -> None:
    add_event(
        session,
        kind,
        calling_ae_title=row.calling_ae_title,
        transaction_uid=row.transaction_uid,
        committed=row.committed,
        failed=row.failed,
        **detail,
    )


def _add_instance_events(session: Session, calling_ae_title: str, answer: CommitmentAnswer) -> None:
    """Add the result to the trace of every instance that is known here."""
    reasons: Mapping[SopReference, int | None] = {
        **dict.fromkeys(answer.committed),
        **answer.failed,
    }
    studies = _studies(session, {one.sop_instance_uid for one in reasons})
    for reference, reason in reasons.items():
        if reference.sop_instance_uid in studies:
            add_event(
                session,
                "instance_committed" if reason is None else "instance_not_committed",
                study_instance_uid=studies[reference.sop_instance_uid],
                sop_instance_uid=reference.sop_instance_uid,
                calling_ae_title=calling_ae_title,
                transaction_uid=answer.transaction_uid,
                reason=None if reason is None else NotCommitted(reason).name.lower(),
            )


def _studies(session: Session, uids: Collection[str]) -> dict[str, str]:
    every = sorted(uids)
    studies: dict[str, str] = {}
    for start in range(0, len(every), UIDS_A_QUERY):
        rows = select(Instance.sop_instance_uid, Instance.study_instance_uid).where(
            Instance.sop_instance_uid.in_(every[start : start + UIDS_A_QUERY])
        )
        studies.update((uid, study) for uid, study in session.execute(rows))
    return studies
