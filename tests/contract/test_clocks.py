"""Clocks that jump or differ: rows are judged by one clock, and leases end."""

from datetime import timedelta

import pytest

from screening.classify.claim import anything_due, claim
from screening.db import clock
from screening.db.session import Database
from screening.domain.commitment import CommitmentRequested, SopReference
from screening.receive.commitment_scp.requests import add_request, claim_request, peers_due
from screening.report import deliveries
from screening.report.commitment_scu.transactions import add_commitments, claim_commitments
from tests.rows.stored import add_bundle, add_classification, add_instance, add_report, add_score

HOUR = timedelta(hours=1)


def test_a_lease_from_before_the_clock_was_set_back_is_void(database: Database) -> None:
    """The worker that had it is gone; nobody waits an hour for its rows."""
    ahead = clock.utc_now() + HOUR
    with database.write() as session:
        instance = add_instance(session, "1.2.3")
        add_classification(session, instance, state="claimed", lease_expires_at=ahead)
    assert anything_due(database)


def test_a_lease_that_was_just_given_is_not_void(database: Database) -> None:
    """The longest that the settings allow."""
    with database.write() as session:
        bundle_id = add_bundle(session).id
        add_classification(session, add_instance(session, "1.2.3"))
    held = claim(database, bundle_id=bundle_id, worker="w", batch_size=1, lease_s=600)
    assert held.instances
    assert not anything_due(database)


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
    asked = CommitmentRequested("1.2.9", (SopReference("1.2.840.10008.5.1.4.1.1.1", "1.2.3"),))
    add_request(database, "CR1", asked)
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
