"""A destination that keeps failing is left alone but for probes, and delays nothing but itself."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from screening.db.breakers import failing_destinations
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Delivery
from screening.delivery.kind import Answer, Check, StoredReport
from screening.domain.backoff import Backoff
from screening.domain.breaker import BreakerRules, next_probe
from screening.report.breaker import record_failure, record_success
from screening.report.deliveries import anything_due, claim_deliveries
from tests.peers.misbehaving_destination import Conduct, Status, misbehaving_destination
from tests.reports.deliveries import (
    add_deliveries,
    delivery,
    let_time_pass,
    made_up,
    peer,
    send_what_is_due,
    undelivered,
)

RULES = BreakerRules(failures=3, backoff=Backoff(100, 300))


def fail(database: Database, times: int, destination: str = "pacs") -> None:
    """Have a destination fail in a row."""
    for _ in range(times):
        record_failure(database, destination, "cannot be reached", RULES)


@pytest.mark.parametrize(
    ("failures", "longest_s"), [(1, None), (2, None), (3, 100), (4, 200), (5, 300), (2000, 300)]
)
def test_waits_between_probes_grow(failures: int, longest_s: float | None) -> None:
    """None up to the third failure in a row, then 100 s, doubling, up to 300 s; half at least."""
    now = utc_now()
    probe_at = next_probe(failures, now, RULES)
    if longest_s is None:
        assert probe_at is None
    else:
        assert probe_at is not None
        assert longest_s / 2 <= (probe_at - now).total_seconds() <= longest_s


def test_failures_in_a_row_open_the_breaker(database: Database) -> None:
    """Below the limit all that is due may go; at it nothing may, and only there."""
    add_deliveries(database, count=3, pacs="pending", folder="pending")
    fail(database, 2)
    [failing] = failing_destinations(database)
    assert (failing.destination, failing.failures, failing.paused) == ("pacs", 2, False)
    assert anything_due(database, ["pacs"])
    fail(database, 1)
    [failing] = failing_destinations(database)
    assert (failing.failures, failing.paused) == (3, True)
    assert failing.last_message == "cannot be reached"
    assert claim_deliveries(database, "pacs") == []
    assert not anything_due(database, ["pacs"])
    assert len(claim_deliveries(database, "folder")) == 3


def test_a_probe_is_one_report_after_the_wait(database: Database) -> None:
    """One row, whatever its own wait, the least tried first; nobody else probes meanwhile."""
    add_deliveries(database, count=3, pacs="pending")
    later = utc_now() + timedelta(hours=1)
    with database.write() as session:
        session.execute(update(Delivery).values(not_before=later, attempts=Delivery.id % 3))
    fail(database, 3)
    let_time_pass(database)
    with database.write() as session:
        session.execute(update(Delivery).values(not_before=later))
    assert anything_due(database, ["pacs"])
    [probe] = claim_deliveries(database, "pacs")
    with database.read() as session:
        tried_before = session.get_one(Delivery, probe.delivery_id).attempts - 1
        assert tried_before == 0
    assert claim_deliveries(database, "pacs") == []
    assert not anything_due(database, ["pacs"])


def test_a_probe_that_is_answered_makes_all_that_waits_due(database: Database) -> None:
    """After a pause nothing waits for the end of a wait that the destination was the reason for."""
    add_deliveries(database, count=3, pacs="pending", folder="pending")
    later = utc_now() + timedelta(hours=1)
    with database.write() as session:
        session.execute(update(Delivery).values(not_before=later))
    fail(database, 3)
    record_success(database, "pacs")
    assert failing_destinations(database) == []
    assert len(claim_deliveries(database, "pacs")) == 3
    assert claim_deliveries(database, "folder") == []


def test_a_success_between_failures_counts_anew(database: Database) -> None:
    """Only failures in a row count, and a wait of a destination that was not paused stands."""
    add_deliveries(database, pacs="pending")
    with database.write() as session:
        session.execute(update(Delivery).values(not_before=utc_now() + timedelta(hours=1)))
    fail(database, 2)
    record_success(database, "pacs")
    assert claim_deliveries(database, "pacs") == []
    fail(database, 2)
    assert not any(one.paused for one in failing_destinations(database))


def test_no_report_to_probe_with_costs_no_wait(database: Database) -> None:
    """A destination without reports stays ready to be probed with the next one."""
    fail(database, 3)
    let_time_pass(database)
    assert claim_deliveries(database, "pacs") == []
    add_deliveries(database, pacs="pending")
    assert len(claim_deliveries(database, "pacs")) == 1


def test_a_destination_that_returns_has_every_report_once(
    database: Database, tmp_path: Path
) -> None:
    """Down for some tries, probed, back: 25 reports arrive once each; others were not held up."""
    add_deliveries(database, count=25, pacs="pending", other="pending")
    with misbehaving_destination(Conduct.CLOSES_CONNECTIONS) as pacs:
        for _ in range(3):
            send_what_is_due(database, tmp_path, peer("pacs", pacs.port), breaker_failures=3)
            with database.write() as session:
                session.execute(update(Delivery).values(not_before=None))
        tried = pacs.connections
        send_what_is_due(database, tmp_path, peer("pacs", pacs.port))
        assert pacs.connections == tried, "it is left alone"
        with misbehaving_destination() as other:
            send_what_is_due(database, tmp_path, peer("other", other.port))
            assert len(other.stored) == 25
        let_time_pass(database)
        send_what_is_due(database, tmp_path, peer("pacs", pacs.port))
        assert pacs.connections == tried + 1, "one probe"
        pacs.conduct = Conduct.SOUND
        let_time_pass(database)
        send_what_is_due(database, tmp_path, peer("pacs", pacs.port))
        send_what_is_due(database, tmp_path, peer("pacs", pacs.port))
        assert sorted(pacs.stored.values()) == [1] * 25
    assert undelivered(database, "pacs") == []
    assert failing_destinations(database) == []


@pytest.mark.parametrize(
    ("behaviour", "state", "status", "words"),
    [
        (Status(0x0000), "delivered", "0x0000", "stored"),
        (Status(0xB000), "delivered", "0xB000", "coerced"),
        (Status(0xB006, "elements dropped"), "delivered", "0xB006", "elements dropped"),
        (Status(0x0111), "delivered", "0x0111", "had this SOP instance already"),
        (Status(0xA700, "disk full"), "pending", "0xA700", "disk full"),
        (Status(0x0110), "pending", "0x0110", "processing failure"),
        (Status(0xA900), "parked", "0xA900", "does not match SOP class"),
        (Status(0xC000, "no such patient"), "parked", "0xC000", "no such patient"),
        (Conduct.REJECTS_FOR_GOOD, "parked", "", "make the peer accept our calling AE title"),
        (Conduct.REJECTS_FOR_NOW, "pending", "", "congested"),
        (Conduct.ABORTS_REQUESTS, "pending", "", "aborts or does not answer"),
        (Conduct.CLOSES_IN_MID_PDU, "pending", "", "did not answer"),
        (Conduct.NEVER_ANSWERS, "pending", "", "did not answer in time"),
    ],
    ids=str,
)
def test_how_each_answer_ends(
    database: Database,
    tmp_path: Path,
    behaviour: Conduct | Status,
    state: str,
    status: str,
    words: str,
) -> None:
    """Delivered with its warning, tried again, or parked; with status and reason."""
    add_deliveries(database, pacs="pending")
    with misbehaving_destination(behaviour) as pacs:
        send_what_is_due(database, tmp_path, peer("pacs", pacs.port))
    row = delivery(database)
    assert (row.state, row.attempts, row.last_status) == (state, 1, status)
    assert words in (row.last_message or "")
    assert (row.not_before is not None) == (state == "pending")
    assert len(failing_destinations(database)) == (state == "pending")


def test_what_came_and_was_not_recorded_goes_out_again_byte_for_byte(
    database: Database, tmp_path: Path
) -> None:
    """A sender that dies after the answer sends the same bytes again; a duplicate is delivered."""
    add_deliveries(database, pacs="pending")
    with misbehaving_destination() as pacs:
        [claimed] = claim_deliveries(database, "pacs")
        [attempt] = peer("pacs", pacs.port).send([claimed.report])
        assert attempt.status == "0x0000"
        pacs.conduct = Status(0x0111)
        send_what_is_due(database, tmp_path, peer("pacs", pacs.port))
        assert delivery(database).state == "sending", "its lease still runs"
        let_time_pass(database)
        send_what_is_due(database, tmp_path, peer("pacs", pacs.port))
        [copies] = pacs.received.values()
    assert len(copies) == 2
    assert len(set(copies)) == 1
    assert claimed.report.content.endswith(copies[0])
    assert (delivery(database).state, delivery(database).last_status) == ("delivered", "0x0111")


class Faulty:
    """Fails in a way nobody thought of."""

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Answer]:
        """Raise."""
        raise RuntimeError(f"{len(reports)} reports")

    def test(self) -> Iterator[Check]:
        """Try nothing."""
        yield from ()


def test_an_unexpected_error_is_recorded_and_holds_nothing_else(
    database: Database, tmp_path: Path
) -> None:
    """The report it came with waits and says so; the others of its batch do not wait with it."""
    add_deliveries(database, count=3, pacs="pending")
    send_what_is_due(database, tmp_path, made_up(Faulty()))
    first = delivery(database)
    assert (first.state, first.attempts) == ("pending", 1)
    assert "RuntimeError" in (first.last_message or "")
    with database.write() as session:
        session.execute(update(Delivery).values(lease_expires_at=utc_now() - timedelta(seconds=1)))
    with misbehaving_destination() as pacs:
        send_what_is_due(database, tmp_path, peer("pacs", pacs.port))
        assert len(pacs.stored) == 2
