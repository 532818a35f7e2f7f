"""A queue of rows costs one declaration: here one that the system does not have."""

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import MetaData, select
from sqlalchemy.orm import Mapped, mapped_column

from screening.db.clock import shared_now
from screening.db.session import Database
from screening.db.states import change_state
from screening.db.tables.columns import Base, BigKey, state_column
from screening.domain.backoff import Backoff
from screening.domain.lifecycle import DeliveryState
from screening.work.heartbeat import renew
from screening.work.work_queue import Lease, WorkQueue

LEASE_S = 30
BACKOFF = Backoff(first_s=100, longest_s=300)
ROWS, WORKERS = 60, 6


class _Apart(Base):
    """Tables that no migration knows."""

    __abstract__ = True
    metadata = MetaData()


class Message(_Apart):
    """One HL7 message on its way to one hospital information system."""

    __tablename__ = "hl7_messages"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    state: Mapped[str] = state_column(DeliveryState)
    attempts: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[datetime | None]
    lease_owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]


MESSAGES = WorkQueue(
    table=Message,
    key=Message.id,
    lane=None,
    state=Message.state,
    waiting=DeliveryState.PENDING,
    attempts=Message.attempts,
    not_before=Message.not_before,
    lease=Lease(
        state=DeliveryState.SENDING,
        token=Message.lease_owner,
        ends_at=Message.lease_expires_at,
        longest_s=2 * LEASE_S,
    ),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The rows that a worker has, and the token that proves it."""

    token: str
    ids: list[int]


def claim(database: Database, *, limit: int = 10) -> Claim:
    """Do what a worker does that looks for work."""
    token = str(uuid.uuid4())
    with database.write() as session:
        now = shared_now(session)
        rows = MESSAGES.due(session, now, limit=limit)
        for row in rows:
            MESSAGES.take(row, token=token, ends_at=now + timedelta(seconds=LEASE_S))
        return Claim(token, [row.id for row in rows])


def finish(database: Database, held: Claim) -> int:
    """Do what a worker does that has sent what it claimed; return how many were still its own."""
    with database.write() as session:
        rows = MESSAGES.still_held(session, held.token)
        for row in rows:
            change_state(row, DeliveryState.DELIVERED)
            MESSAGES.release(row)
        return len(rows)


def fail(database: Database, held: Claim) -> None:
    """Do what a worker does that could not send what it claimed."""
    with database.write() as session:
        now = shared_now(session)
        for row in MESSAGES.still_held(session, held.token):
            wait = timedelta(seconds=BACKOFF.wait_s(row.attempts))
            MESSAGES.give_back(row, not_before=now + wait)


def let_time_pass(database: Database, time: timedelta) -> None:
    """Bring every row to where it is after so long; before, where the time is negative."""
    with database.write() as session:
        for row in session.scalars(select(Message)):
            row.not_before = row.not_before and row.not_before - time
            row.lease_expires_at = row.lease_expires_at and row.lease_expires_at - time


def messages(database: Database) -> Sequence[Message]:
    """Return every message, oldest first."""
    with database.read() as session:
        return session.scalars(select(Message).order_by(Message.id)).all()


def is_due(database: Database) -> bool:
    """Return whether a worker would find anything."""
    with database.read() as session:
        return MESSAGES.is_due(session, shared_now(session))


@pytest.fixture
def made(database: Database) -> Iterator[list[int]]:
    """Make the table with three messages, and return their ids."""
    _Apart.metadata.create_all(database.engine)
    yield add(database, 3)
    _Apart.metadata.drop_all(database.engine)


def add(database: Database, count: int) -> list[int]:
    """Add messages and return their ids."""
    with database.write() as session:
        rows = [Message() for _ in range(count)]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def test_rows_are_claimed_once_and_in_order(database: Database, made: list[int]) -> None:
    """Up to the limit; what was finished is nobody's work."""
    first = claim(database, limit=2)
    second = claim(database)
    assert (first.ids, second.ids) == (made[:2], made[2:])
    assert claim(database).ids == []
    assert finish(database, first) == 2
    let_time_pass(database, timedelta(hours=1))
    assert claim(database).ids == made[2:]


def test_workers_side_by_side_claim_each_row_once(database: Database, made: list[int]) -> None:
    """None twice, none left."""
    made += add(database, ROWS)

    def work(_: int) -> list[int]:
        mine: list[int] = []
        while ids := claim(database, limit=3).ids:
            mine += ids
        return mine

    with ThreadPoolExecutor(WORKERS) as workers:
        claimed = [one for mine in workers.map(work, range(WORKERS)) for one in mine]
    assert sorted(claimed) == made
    assert {row.attempts for row in messages(database)} == {1}


def test_the_rows_of_a_lost_worker_are_claimed_again(database: Database, made: list[int]) -> None:
    """Both attempts count, and the first worker changes nothing when it comes back."""
    lost = claim(database)
    assert not is_due(database)
    let_time_pass(database, timedelta(seconds=LEASE_S + 1))
    assert is_due(database)
    held = claim(database)
    assert held.ids == made
    assert [row.attempts for row in messages(database)] == [2, 2, 2]
    assert finish(database, lost) == 0
    assert {row.state for row in messages(database)} == {DeliveryState.SENDING}
    assert finish(database, held) == 3
    assert {(row.state, row.lease_owner) for row in messages(database)} == {
        (DeliveryState.DELIVERED, None)
    }


def test_a_worker_that_renews_its_lease_keeps_its_rows(database: Database, made: list[int]) -> None:
    """Time passes, and they are still its own."""
    held = claim(database)
    for _ in range(3):
        let_time_pass(database, timedelta(seconds=LEASE_S - 5))
        renew(database, MESSAGES, held.token, lease_s=LEASE_S)
    assert claim(database).ids == []
    assert finish(database, held) == len(made)


def test_rows_that_failed_wait_longer_each_time(database: Database, made: list[int]) -> None:
    """100, 200, 300, 300 s at most and half of that at least."""
    for longest_s in (100, 200, 300, 300):
        held = claim(database)
        assert held.ids == made
        fail(database, held)
        assert not is_due(database)
        let_time_pass(database, timedelta(seconds=longest_s / 2 - 5))
        assert not is_due(database)
        let_time_pass(database, timedelta(seconds=longest_s / 2 + 6))


def test_a_lease_from_before_the_clock_was_set_back_is_void(
    database: Database, made: list[int]
) -> None:
    """A lease that was just given is not."""
    claim(database)
    assert not is_due(database)
    let_time_pass(database, -timedelta(hours=1))
    assert claim(database).ids == made


def test_the_least_tried_row_may_be_tried_before_its_time(
    database: Database, made: list[int]
) -> None:
    """As a probe: not one that a worker has, and one that waits only where there is no other."""
    fail(database, claim(database, limit=1))
    assert claim(database, limit=1).ids == made[1:2]
    for expected in (made[2], made[0]):
        with database.write() as session:
            now = shared_now(session)
            assert MESSAGES.is_any_untaken(session, now)
            row = MESSAGES.least_tried(session, now)
            assert row is not None
            assert row.id == expected
            MESSAGES.take(row, token=str(uuid.uuid4()), ends_at=now + timedelta(seconds=LEASE_S))
    with database.write() as session:
        assert MESSAGES.least_tried(session, shared_now(session)) is None
        assert not MESSAGES.is_any_untaken(session, shared_now(session))
