"""Claiming: each row by one worker at a time, in order, and never for ever."""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from screening.classify.claim import Claim, anything_due, claim
from screening.classify.record import record
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Bundle, Classification, Event
from screening.domain.backoff import Backoff
from screening.domain.eligibility import Reason, Refusal
from screening.domain.failures import MAX_ATTEMPTS
from screening.work.heartbeat import heartbeat, renew
from screening.work.queues import CLASSIFICATIONS
from tests.rows.stored import NOON, add_bundle, add_classification, add_instance, add_score

BACKOFF = Backoff(first_s=5, longest_s=600)
ROWS, WORKERS = 200, 8


@pytest.fixture
def bundle_id(database: Database) -> int:
    """Add the active bundle and return its id."""
    with database.write() as session:
        return add_bundle(session).id


def add_rows(database: Database, *rows: dict[str, Any]) -> list[int]:
    """Add one received image for each, with these columns in its classification."""
    with database.write() as session:
        return [
            add_classification(session, add_instance(session, f"1.2.{number}"), **columns).id
            for number, columns in enumerate(rows)
        ]


def take(
    database: Database,
    bundle_id: int,
    *,
    batch_size: int = 8,
    lease_s: float = 60,
    beside_another: bool = False,
) -> Claim:
    """Claim as a worker does."""
    return claim(
        database,
        bundle_id=bundle_id,
        worker="worker",
        batch_size=batch_size,
        lease_s=lease_s,
        beside_another=beside_another,
    )


def ids(held: Claim) -> list[int]:
    """Return the claimed rows' ids in the order of the claim."""
    return [instance.classification_id for instance in held.instances]


def let_leases_run_out(database: Database) -> None:
    """Bring every row to where it stands long after its worker died."""
    with database.write() as session:
        session.execute(update(Classification).values(lease_expires_at=NOON))


def rows(database: Database) -> Sequence[Classification]:
    """Return every classification, oldest first."""
    with database.read() as session:
        return session.scalars(select(Classification).order_by(Classification.id)).all()


def kinds(database: Database) -> Counter[str]:
    """Count the events by kind."""
    with database.read() as session:
        return Counter(session.scalars(select(Event.kind)))


def test_live_rows_go_before_backfill_and_older_before_newer(
    database: Database, bundle_id: int
) -> None:
    """The lane decides first, then the order in which the rows were made."""
    lanes = ["backfill", "live", "backfill", "live", "live"]
    made = add_rows(database, *({"lane": lane} for lane in lanes))
    assert ids(take(database, bundle_id, batch_size=2)) == [made[1], made[3]]
    assert ids(take(database, bundle_id)) == [made[4], made[0], made[2]]


def test_nothing_due_is_an_empty_claim(database: Database, bundle_id: int) -> None:
    """Finished rows are nobody's work."""
    add_rows(database, {"state": "classified"}, {"state": "failed"}, {"state": "not_applicable"})
    assert not anything_due(database)
    assert take(database, bundle_id).instances == ()


def test_concurrent_workers_claim_each_row_once(database: Database, bundle_id: int) -> None:
    """Workers that claim side by side share the rows out: none twice, none left."""
    made = add_rows(database, *({} for _ in range(ROWS)))

    def work(_: int) -> list[int]:
        mine: list[int] = []
        while batch := ids(take(database, bundle_id, batch_size=7)):
            mine += batch
        return mine

    with ThreadPoolExecutor(WORKERS) as workers:
        claimed = [row for mine in workers.map(work, range(WORKERS)) for row in mine]
    assert sorted(claimed) == made
    assert {row.attempts for row in rows(database)} == {1}


def test_an_expired_lease_makes_the_row_due_again(database: Database, bundle_id: int) -> None:
    """A row whose worker fell silent goes to the next one, and both attempts count."""
    made = add_rows(database, {})
    first = take(database, bundle_id)
    assert not anything_due(database)
    assert take(database, bundle_id).instances == ()
    let_leases_run_out(database)
    assert anything_due(database)
    second = take(database, bundle_id)
    assert ids(second) == made
    assert second.instances[0].attempt == 2
    assert second.token != first.token


def test_a_row_that_outlived_every_attempt_goes_into_quarantine(
    database: Database, bundle_id: int
) -> None:
    """After MAX_ATTEMPTS silent workers the row is failed, and the rows behind it are claimed."""
    made = add_rows(database, {})
    for _ in range(MAX_ATTEMPTS):
        assert ids(take(database, bundle_id)) == made
        let_leases_run_out(database)
    fresh = add_rows(database, {})
    assert ids(take(database, bundle_id, batch_size=1)) == fresh
    lost = rows(database)[0]
    assert (lost.state, lost.reason, lost.attempts) == ("failed", "worker_lost", MAX_ATTEMPTS)
    assert lost.finished_at is not None
    assert lost.lease_owner is None
    assert kinds(database)["classification_failed"] == 1


def test_a_row_that_was_tried_before_is_claimed_alone(database: Database, bundle_id: int) -> None:
    """If it kills its worker, it takes no other row with it."""
    tried, *fresh = add_rows(database, {"attempts": 1}, {}, {})
    assert ids(take(database, bundle_id)) == [tried]
    assert ids(take(database, bundle_id)) == fresh


def test_a_tried_row_waits_while_its_worker_has_another_claim(
    database: Database, bundle_id: int
) -> None:
    """And keeps its turn; fresh rows are claimed beside another claim."""
    fresh, tried, last = add_rows(database, {}, {"attempts": 1}, {})
    assert ids(take(database, bundle_id, batch_size=1)) == [fresh]
    assert ids(take(database, bundle_id, beside_another=True)) == []
    assert rows(database)[1].attempts == 1
    assert ids(take(database, bundle_id)) == [tried]
    assert ids(take(database, bundle_id, beside_another=True)) == [last]


def test_a_row_without_attempts_left_holds_up_no_claim_beside_another(
    database: Database, bundle_id: int
) -> None:
    """It goes into quarantine."""
    lost, fresh = add_rows(database, {"attempts": MAX_ATTEMPTS}, {})
    assert ids(take(database, bundle_id, beside_another=True)) == [fresh]
    assert [row.state for row in rows(database)] == ["failed", "claimed"]
    assert rows(database)[0].id == lost


def test_fresh_rows_do_not_take_a_tried_one_along(database: Database, bundle_id: int) -> None:
    """A tried row behind fresh ones waits for its own turn."""
    fresh, tried = add_rows(database, {}, {"attempts": 2})
    assert ids(take(database, bundle_id)) == [fresh]
    assert ids(take(database, bundle_id)) == [tried]


def test_a_row_waits_until_its_time(database: Database, bundle_id: int) -> None:
    """A row given back for later is not due before that."""
    add_rows(database, {"not_before": utc_now() + timedelta(hours=1)})
    assert not anything_due(database)
    assert take(database, bundle_id).instances == ()
    waited = add_rows(database, {"not_before": utc_now() - timedelta(seconds=1)})
    assert anything_due(database)
    assert ids(take(database, bundle_id)) == waited


def test_a_row_whose_instance_the_bundle_has_done_is_dropped(
    database: Database, bundle_id: int
) -> None:
    """A backfill row that has become pointless goes away, and claiming goes on behind it."""
    with database.write() as session:
        bundle = session.get_one(Bundle, bundle_id)
        for study in ("1.3.1", "1.3.2"):
            done = add_instance(session, study)
            add_score(session, done, bundle, priority="LOW", covid19=0.1)
            add_classification(session, done, lane="backfill")
    behind = add_rows(database, {"lane": "backfill"})
    assert ids(take(database, bundle_id, batch_size=1)) == behind
    states = [row.state for row in rows(database)]
    assert states == ["classified", "classified", "claimed"]


def test_another_bundle_may_score_the_instance_again(database: Database, bundle_id: int) -> None:
    """A result of an older bundle does not make a backfill row pointless."""
    with database.write() as session:
        older = add_bundle(session, name="older", role="retired")
        done = add_instance(session, "1.3.1")
        add_score(session, done, older, priority="LOW", covid19=0.1)
        again = add_classification(session, done, lane="backfill").id
    assert ids(take(database, bundle_id)) == [again]


def test_a_late_worker_changes_nothing(database: Database, bundle_id: int) -> None:
    """Who lost the lease may finish, but its result is not written; the holder's is."""
    made = add_rows(database, {})[0]
    late = take(database, bundle_id)
    let_leases_run_out(database)
    holder = take(database, bundle_id)
    record(database, late, {made: Refusal(Reason.NOT_FRONTAL, "late")}, BACKOFF)
    assert [(row.state, row.reason) for row in rows(database)] == [("claimed", None)]
    record(database, holder, {made: Refusal(Reason.NOT_CHEST, "holder")}, BACKOFF)
    assert [(row.state, row.reason) for row in rows(database)] == [("not_applicable", "not_chest")]


def test_renewing_extends_the_lease(database: Database, bundle_id: int) -> None:
    """A sign of life moves the end of the lease; one that comes too late moves nothing."""
    add_rows(database, {})
    held = take(database, bundle_id, lease_s=1)
    renew(database, CLASSIFICATIONS, held.token, lease_s=500)
    extended = rows(database)[0].lease_expires_at
    assert extended is not None
    assert extended > utc_now() + timedelta(seconds=400)
    let_leases_run_out(database)
    other = take(database, bundle_id, lease_s=60)
    renew(database, CLASSIFICATIONS, held.token, lease_s=500)
    kept = rows(database)[0]
    assert kept.lease_owner == other.token
    assert kept.lease_expires_at is not None
    assert kept.lease_expires_at < utc_now() + timedelta(seconds=61)


def test_the_heartbeat_keeps_a_claim_while_work_goes_on(database: Database, bundle_id: int) -> None:
    """Work may take longer than the lease; when it ends, so does the heartbeat."""
    lease_s = 0.6
    add_rows(database, {})
    held = take(database, bundle_id, lease_s=lease_s)
    with heartbeat(database, CLASSIFICATIONS, held.token, lease_s=lease_s, longest_s=600):
        before = rows(database)[0].lease_expires_at
        time.sleep(2.5 * lease_s)
        after = rows(database)[0].lease_expires_at
    assert before is not None
    assert after is not None
    assert after - before > timedelta(seconds=lease_s)
    time.sleep(1.5 * lease_s)
    assert anything_due(database)
