"""Clocks that jump or differ: rows are judged by one clock, and leases end."""

from datetime import timedelta

import pytest

from screening.classify.claim import anything_due, claim
from screening.db import clock
from screening.db.session import Database
from screening.receive.commitment_scp.requests import (
    add_request,
    claim_request,
    peers_due,
)
from screening.renderings.structured_report.profiles import Profile
from screening.report import deliveries, outbox
from screening.report.commitment_scu.transactions import (
    add_commitments,
    claim_commitments,
)
from screening.spool.store import Spool
from screening.work.queues import (
    REPORTS,
)
from tests.rows.queue_workers import ASKED, WORK, Work, add_result, set_clock, the_row
from tests.rows.stored import add_bundle, add_classification, add_instance, add_report, add_score

HOUR = timedelta(hours=1)
each_work = pytest.mark.parametrize("work", WORK.values(), ids=WORK)


@each_work
def test_a_lease_that_was_just_given_is_not_void(database: Database, work: Work) -> None:
    """Nobody else has the row meanwhile."""
    work.add(database)
    assert work.is_due(database)
    assert work.claim(database)
    assert not work.is_due(database)
    assert not work.claim(database)


@each_work
def test_a_lease_that_is_given_meanwhile_is_not_void(database: Database, work: Work) -> None:
    """A worker that looked at the clock before another one claimed leaves it the row."""
    work.add(database)
    with database.read() as session:
        before = clock.shared_now(session)
    assert work.claim(database)
    with database.read() as session:
        assert not work.queue.is_due(session, before)


@each_work
def test_a_lease_from_before_the_clock_was_set_back_is_void(database: Database, work: Work) -> None:
    """The worker that had it is gone; nobody waits an hour for its rows."""
    work.add(database)
    assert work.claim(database)
    set_clock(database, work.queue, -HOUR)
    assert work.is_due(database)
    holder = work.claim(database)
    assert holder
    assert not work.claim(database)
    work.finish(database, holder)
    assert the_row(database, work.queue)["state"] == work.finished


@each_work
def test_a_clock_set_forward_ends_leases_and_does_no_harm(database: Database, work: Work) -> None:
    """Another worker has the row then; the first one, which still lives, changes nothing."""
    work.add(database)
    late = work.claim(database)
    assert late
    set_clock(database, work.queue, HOUR)
    holder = work.claim(database)
    assert holder
    held = the_row(database, work.queue)
    assert held["attempts"] == 2
    work.fail(database, late)
    assert the_row(database, work.queue) == held
    work.finish(database, holder)
    assert the_row(database, work.queue)["state"] == work.finished


@each_work
def test_waits_follow_the_clock(database: Database, work: Work) -> None:
    """One that is set back delays another attempt by that much, one that is set forward hurries."""
    work.add(database)
    work.fail(database, work.claim(database))
    assert not work.is_due(database)
    set_clock(database, work.queue, -HOUR)
    assert not work.is_due(database)
    set_clock(database, work.queue, 2 * HOUR)
    assert work.claim(database)


def test_reports_are_made_whatever_the_clock(database: Database, spool: Spool) -> None:
    """They have no lease; one that could not be made waits as the clock says."""
    add_result(database)
    assert outbox.anything_due(database)
    assert outbox.make_due_reports(database, spool, {"folder": Profile.COMPREHENSIVE}) == 1
    assert the_row(database, REPORTS)["report_attempts"] == 1
    assert not outbox.anything_due(database)
    set_clock(database, REPORTS, -HOUR)
    assert not outbox.anything_due(database)
    set_clock(database, REPORTS, 2 * HOUR)
    assert outbox.anything_due(database)


@pytest.mark.parametrize("offset", [HOUR, -HOUR])
def test_a_machine_whose_clock_is_wrong_takes_nobodys_rows(
    database: Database, monkeypatch: pytest.MonkeyPatch, offset: timedelta
) -> None:
    """Leases and waits are judged by the clock of the database server."""
    if database.dialect == "sqlite":
        pytest.skip("an SQLite file is used from one machine, which has one clock")
    with database.write() as session:
        bundle_id = add_bundle(session).id
        add_classification(session, add_instance(session, "1.2.3"))
    assert claim(database, bundle_id=bundle_id, worker="w", batch_size=1, lease_s=30).instances
    right = clock.utc_now
    monkeypatch.setattr(clock, "utc_now", lambda: right() + offset)
    assert not anything_due(database)
    assert not deliveries.anything_due(database, ["pacs"])


@pytest.mark.parametrize("offset", [HOUR, -HOUR])
def test_a_machine_whose_clock_is_wrong_asks_for_commitment_in_time(
    database: Database, monkeypatch: pytest.MonkeyPatch, offset: timedelta
) -> None:
    """It sees what was just delivered, and takes no answer for overdue that may still come."""
    if database.dialect == "sqlite":
        pytest.skip("an SQLite file is used from one machine, which has one clock")
    with database.write() as session:
        image = add_instance(session, "1.2.3")
        scored = add_score(session, image, add_bundle(session), priority="LOW", covid19=0.1)
        _, [delivery] = add_report(session, scored, pacs="delivered")
        delivery.delivered_at = clock.shared_now(session)
    right = clock.utc_now
    monkeypatch.setattr(clock, "utc_now", lambda: right() + offset)
    assert add_commitments(database, "pacs", within=timedelta(minutes=10)) == 1
    request = claim_commitments(database, "pacs", how="query", answer_within_s=60)
    assert request is not None
    assert abs(request.asked_at - right()) < timedelta(minutes=1)
    assert claim_commitments(database, "pacs", how="query", answer_within_s=60) is None


@pytest.mark.parametrize("offset", [HOUR, -HOUR])
def test_a_machine_whose_clock_is_wrong_tells_a_peer_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, offset: timedelta
) -> None:
    """A request for commitment that another SCP is answering is left to it."""
    if database.dialect == "sqlite":
        pytest.skip("an SQLite file is used from one machine, which has one clock")
    add_request(database, "CR1", ASKED)
    assert claim_request(database, "CR1")
    right = clock.utc_now
    monkeypatch.setattr(clock, "utc_now", lambda: right() + offset)
    assert peers_due(database) == []
    assert claim_request(database, "CR1") is None


def test_the_shared_clock_is_aware_and_near(database: Database) -> None:
    """Server and tests run on one machine."""
    with database.read() as session:
        now = clock.shared_now(session)
    assert abs(now - clock.utc_now()) < timedelta(minutes=1)
