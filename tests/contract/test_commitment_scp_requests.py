"""Requests of peers for commitment: one row each, told once, retried, never forgotten."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.commitment_scp import PeerCommitmentRequest
from screening.db.tables.instances import Event
from screening.domain.backoff import Backoff
from screening.domain.commitment import (
    CommitmentAnswer,
    CommitmentRequested,
    NotCommitted,
    SopReference,
)
from screening.errors import TransientError
from screening.receive.commitment_scp import requests as commitment_requests
from screening.receive.commitment_scp.requests import (
    GIVE_UP_AFTER,
    ClaimedRequest,
    add_request,
    claim_request,
    let_go,
    peers_due,
    record_not_reported,
    record_reported,
)
from tests.rows.stored import COMPUTED_RADIOGRAPHY, NOON, add_instance

FIRST = SopReference(COMPUTED_RADIOGRAPHY, "1.2.3.1")
SECOND = SopReference(COMPUTED_RADIOGRAPHY, "1.2.3.2")
ASKED = CommitmentRequested("2.25.1", (FIRST, SECOND))


def row(database: Database, request_id: int) -> PeerCommitmentRequest:
    """Return one request's row."""
    with database.read() as session:
        return session.get_one(PeerCommitmentRequest, request_id)


def claimed(database: Database, title: str = "CR1") -> ClaimedRequest:
    """Claim a peer's request that must be due."""
    found = claim_request(database, title)
    assert found is not None
    return found


def not_reported(database: Database, one: ClaimedRequest, *, unreachable: bool = True) -> None:
    """Record as the reporter does: waits of 50 to 100 s."""
    record_not_reported(
        database, one, "cannot be reached", unreachable=unreachable,
        backoff=Backoff(100, 300),
    )  # fmt: skip


def told(one: ClaimedRequest, **failed: int) -> CommitmentAnswer:
    """Return an answer: all committed, but for what `failed` names."""
    bad = {FIRST: failed["first"]} if failed else {}
    good = tuple(reference for reference in one.requested.references if reference not in bad)
    return CommitmentAnswer(one.requested.transaction_uid, good, bad)


def test_a_request_is_claimed_once_and_told_once(database: Database) -> None:
    """The claim carries what was asked; when the peer was told, nothing is due for it."""
    request_id = add_request(database, "CR1", ASKED)
    assert peers_due(database) == ["CR1"]
    one = claimed(database)
    assert (one.request_id, one.requested, one.duplicate) == (request_id, ASKED, False)
    assert claim_request(database, "CR1") is None
    assert peers_due(database) == []
    record_reported(database, one, told(one, first=0x0112), 0)
    found = row(database, request_id)
    assert (found.state, found.committed, found.failed) == ("reported", 1, 1)
    assert peers_due(database) == []


def test_a_repeated_request_is_the_same_row_and_told_again(database: Database) -> None:
    """A peer that asks again, the references in another order, is told again; no second row."""
    request_id = add_request(database, "CR1", ASKED)
    one = claimed(database)
    record_reported(database, one, told(one), 0)
    again = CommitmentRequested(ASKED.transaction_uid, (SECOND, FIRST))
    assert add_request(database, "CR1", again) == request_id
    assert claimed(database).request_id == request_id


def test_a_repeat_while_it_is_told_changes_nothing(database: Database) -> None:
    """Whoever tells keeps the lease."""
    add_request(database, "CR1", ASKED)
    one = claimed(database)
    add_request(database, "CR1", ASKED)
    assert claim_request(database, "CR1") is None
    record_reported(database, one, told(one), 0)
    assert row(database, one.request_id).state == "reported"


def test_other_references_under_a_used_transaction_uid_are_a_duplicate(database: Database) -> None:
    """It has a row of its own, marked; the same UID of another peer is none of its business."""
    first = add_request(database, "CR1", ASKED)
    other = add_request(database, "CR1", CommitmentRequested("2.25.1", (FIRST,)))
    theirs = add_request(database, "CR2", CommitmentRequested("2.25.1", (FIRST,)))
    marked = [row(database, one).duplicate for one in (first, other, theirs)]
    assert marked == [False, True, False]


def test_a_peer_that_is_away_is_told_later_with_everything(database: Database) -> None:
    """Its requests wait together, so that one of them alone is judged at each try."""
    for number in range(3):
        add_request(database, "CR1", CommitmentRequested(f"2.25.{number}", (FIRST,)))
    add_request(database, "CR2", ASKED)
    not_reported(database, claimed(database))
    assert claim_request(database, "CR1") is None
    assert peers_due(database) == ["CR2"]
    with database.write() as session:
        session.execute(update(PeerCommitmentRequest).values(not_before=NOON))
    assert claimed(database).attempt == 2


def test_a_peer_that_fails_one_request_gets_the_others(database: Database) -> None:
    """Only a peer that cannot be reached makes its other requests wait."""
    for number in range(2):
        add_request(database, "CR1", CommitmentRequested(f"2.25.{number}", (FIRST,)))
    first = claimed(database)
    not_reported(database, first, unreachable=False)
    assert claimed(database).request_id != first.request_id


def test_a_lost_lease_gives_the_request_to_another(database: Database) -> None:
    """A crash between claim and report costs the lease; the late one's failure changes nothing."""
    add_request(database, "CR1", ASKED)
    late = claimed(database)
    with database.write() as session:
        session.execute(update(PeerCommitmentRequest).values(not_before=NOON))
    holder = claimed(database)
    not_reported(database, late)
    let_go(database, late)
    assert row(database, holder.request_id).state == "reporting"
    assert claim_request(database, "CR1") is None


def test_an_answer_that_was_taken_counts_though_its_lease_was_lost(database: Database) -> None:
    """The peer knows: it is not told again by whoever has the request, or would have it next."""
    add_request(database, "CR1", ASKED)
    late = claimed(database)
    with database.write() as session:
        session.execute(update(PeerCommitmentRequest).values(not_before=NOON))
    holder = claimed(database)
    let_go(database, holder)
    record_reported(database, late, told(late), 0)
    assert row(database, late.request_id).state == "reported"
    not_reported(database, holder)
    assert row(database, late.request_id).state == "reported"
    assert claim_request(database, "CR1") is None


def test_what_was_let_go_is_due_at_once(database: Database) -> None:
    """Its association has ended: the next one tells on a new one."""
    add_request(database, "CR1", ASKED)
    let_go(database, claimed(database))
    assert claimed(database).attempt == 2


def test_after_a_week_it_is_given_up_until_the_peer_asks_again(database: Database) -> None:
    """The row says so; a repeated request starts anew."""
    request_id = add_request(database, "CR1", ASKED)
    with database.write() as session:
        old = utc_now() - GIVE_UP_AFTER - timedelta(minutes=1)
        session.execute(update(PeerCommitmentRequest).values(requested_at=old))
    not_reported(database, claimed(database))
    assert row(database, request_id).state == "given_up"
    assert peers_due(database) == []
    add_request(database, "CR1", ASKED)
    assert peers_due(database) == ["CR1"]


def test_a_peer_that_takes_no_answers_may_not_ask_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit its requests are refused for now; other peers' are not."""
    monkeypatch.setattr(commitment_requests, "MOST_OPEN_REQUESTS", 2)
    for number in range(2):
        add_request(database, "CR1", CommitmentRequested(f"2.25.{number}", (FIRST,)))
    with pytest.raises(TransientError, match="at most 2 requests"):
        add_request(database, "CR1", CommitmentRequested("2.25.9", (FIRST,)))
    add_request(database, "CR2", ASKED)
    one = claimed(database)
    record_reported(database, one, told(one), 0)
    add_request(database, "CR1", CommitmentRequested("2.25.9", (FIRST,)))


@pytest.mark.parametrize(("status", "state"), [(0x0000, "reported"), (0x0112, "refused")])
def test_a_peer_that_does_not_want_the_answer_is_not_told_again(
    database: Database, status: int, state: str
) -> None:
    """It was told; the row keeps its status."""
    request_id = add_request(database, "CR1", ASKED)
    one = claimed(database)
    record_reported(database, one, told(one), status)
    found = row(database, request_id)
    assert (found.state, found.last_status) == (state, f"0x{status:04X}")


def test_the_trail_says_of_each_known_instance_what_was_told(database: Database) -> None:
    """An instance nobody sent has no line of its own."""
    with database.write() as session:
        add_instance(session, "1.2", sop_instance_uid=FIRST.sop_instance_uid)
    add_request(database, "CR1", ASKED)
    one = claimed(database)
    record_reported(database, one, told(one, first=NotCommitted.PROCESSING_FAILURE), 0)
    with database.read() as session:
        events = session.scalars(select(Event).where(Event.sop_instance_uid.is_not(None))).all()
    assert [(event.kind, event.sop_instance_uid) for event in events] == [
        ("instance_not_committed", "1.2.3.1")
    ]
    assert events[0].detail["reason"] == "processing_failure"
