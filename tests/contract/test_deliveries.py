"""Delivery rows: claimed for one destination, retried with growing waits, parked when refused."""

import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Event
from screening.delivery.kind import Answer, Attempt, Check, Ending, StoredReport
from screening.domain.backoff import Backoff
from screening.doorbell.names import worker_name
from screening.errors import DatabaseUnavailableError
from screening.ops.delivery_control import give_up_undelivered, release_parked
from screening.report.courier import Courier
from screening.report.deliveries import (
    DELIVERIES_AT_ONCE,
    ClaimedDelivery,
    anything_due,
    claim_deliveries,
    record_attempt,
)
from screening.settings import load_settings
from tests.reports.deliveries import (
    add_deliveries,
    couriers,
    delivery,
    files,
    let_time_pass,
    made_up,
    peer,
    send_what_is_due,
    undelivered,
)
from tests.services.servers import free_port
from tests.sites.site import wait_until

DELIVERED = Attempt(Ending.DELIVERED, "0x0000", "stored")
REFUSED = Attempt(Ending.REFUSED, "0xA900", "the peer refused it")
RETRY = Attempt(Ending.RETRY, "", "cannot be reached")


def record(database: Database, claimed: ClaimedDelivery, attempt: Attempt) -> None:
    """Record an attempt as a courier does: waits from 100 up to 300 s."""
    record_attempt(database, claimed, attempt, Backoff(100, 300))


def test_a_claim_takes_one_destinations_due_rows_oldest_first(database: Database) -> None:
    """Rows of other destinations and rows that ended stay; a claim is bounded."""
    add_deliveries(database, count=DELIVERIES_AT_ONCE + 2, pacs="pending", folder="pending")
    first = claim_deliveries(database, "pacs")
    assert len(first) == DELIVERIES_AT_ONCE
    assert [one.delivery_id for one in first] == sorted(one.delivery_id for one in first)
    assert len(claim_deliveries(database, "pacs")) == 2
    assert claim_deliveries(database, "pacs") == []
    assert not anything_due(database, ["pacs"])
    assert anything_due(database, ["pacs", "folder"])
    assert not anything_due(database, [])


def test_ended_deliveries_are_not_claimed(database: Database) -> None:
    """Delivered and parked reports are nobody's work."""
    add_deliveries(database, pacs="delivered", folder="parked")
    assert claim_deliveries(database, "pacs") + claim_deliveries(database, "folder") == []


def test_a_delivered_report_is_done(database: Database) -> None:
    """The row says when, with which status, after how many attempts; the trail has a line."""
    add_deliveries(database, pacs="pending")
    [claimed] = claim_deliveries(database, "pacs")
    assert delivery(database).state == "sending"
    record(database, claimed, DELIVERED)
    row = delivery(database)
    assert (row.state, row.attempts, row.last_status) == ("delivered", 1, "0x0000")
    assert row.delivered_at is not None
    assert (row.lease_owner, row.lease_expires_at) == (None, None)
    with database.read() as session:
        [event] = session.scalars(select(Event))
        assert (event.kind, event.detail["destination"]) == ("delivery_delivered", "pacs")


def test_a_refused_report_is_parked_with_the_reason(database: Database) -> None:
    """Sending it again would change nothing, so nothing is due until a person acts."""
    add_deliveries(database, pacs="pending")
    [claimed] = claim_deliveries(database, "pacs")
    record(database, claimed, REFUSED)
    row = delivery(database)
    assert (row.state, row.last_status, row.last_message) == (
        "parked",
        "0xA900",
        "the peer refused it",
    )
    let_time_pass(database)
    assert claim_deliveries(database, "pacs") == []


def test_a_report_that_was_given_up_is_sent_no_more(database: Database) -> None:
    """Until somebody asks for it; whoever was sending it meanwhile changes nothing."""
    add_deliveries(database, pacs="pending")
    [late] = claim_deliveries(database, "pacs")
    assert give_up_undelivered(database, "folder") == 0
    assert give_up_undelivered(database, "pacs") == 1
    record(database, late, DELIVERED)
    let_time_pass(database)
    assert claim_deliveries(database, "pacs") == []
    assert delivery(database).state == "given_up"
    assert release_parked(database, "pacs") == 0
    assert release_parked(database, "pacs", given_up=True) == 1
    assert len(claim_deliveries(database, "pacs")) == 1


def test_waits_between_attempts_grow_up_to_the_longest(database: Database) -> None:
    """100, 200, 300, 300 s at most and half of that at least; attempts never run out."""
    add_deliveries(database, pacs="pending")
    for attempt, longest_s in enumerate((100, 200, 300, 300), start=1):
        [claimed] = claim_deliveries(database, "pacs")
        before = utc_now()
        record(database, claimed, RETRY)
        row = delivery(database)
        assert (row.state, row.attempts) == ("pending", attempt)
        assert row.not_before is not None
        assert longest_s / 2 <= (row.not_before - before).total_seconds() <= longest_s + 5
        assert claim_deliveries(database, "pacs") == []
        let_time_pass(database)


def test_a_lost_lease_gives_the_report_to_another(database: Database) -> None:
    """A sender that died is replaced; when it comes back it changes nothing."""
    add_deliveries(database, pacs="pending")
    [late] = claim_deliveries(database, "pacs")
    let_time_pass(database)
    [holder] = claim_deliveries(database, "pacs")
    assert (holder.delivery_id, delivery(database).attempts) == (late.delivery_id, 2)
    record(database, late, REFUSED)
    assert delivery(database).state == "sending"
    record(database, holder, DELIVERED)
    assert delivery(database).state == "delivered"


@contextmanager
def silent_peer() -> Iterator[int]:
    """Listen, accept connections, and never say a word; yields the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        yield int(listener.getsockname()[1])


def test_a_destination_that_is_down_or_silent_holds_up_no_other(
    database: Database, tmp_path: Path
) -> None:
    """The folder has every report at once; a closed port and a silent peer wait for their turn."""
    reports = DELIVERIES_AT_ONCE + 1
    names = ("folder", "down", "silent")
    add_deliveries(database, count=reports, **dict.fromkeys(names, "pending"))
    folder = files(tmp_path / "reports")
    with (
        silent_peer() as port,
        couriers(database, tmp_path, peer("silent", port), peer("down", free_port()), folder),
    ):
        started = utc_now()
        written = tmp_path / "reports"
        wait_until(lambda: len(list(written.rglob("*.dcm"))) == reports, "the files", 10)
        wait_until(lambda: not undelivered(database, "folder"), "the rows", 10)
        assert delivery(database, "silent").state != "delivered"
        for name in ("down", "silent"):
            wait_until(lambda name=name: delivery(database, name).not_before is not None, name, 15)
        assert utc_now() - started < timedelta(seconds=15)
    for name, words in {"down": "connection refused", "silent": "does not answer"}.items():
        row = delivery(database, name)
        assert (row.state, row.attempts, row.lease_owner) == ("pending", 1, None)
        assert words in (row.last_message or "")
        assert len(undelivered(database, name)) == reports


def test_a_folder_that_cannot_be_written_is_tried_again(database: Database, tmp_path: Path) -> None:
    """A file where the folder should be: the row waits, and the message names the folder."""
    add_deliveries(database, folder="pending")
    blocked = tmp_path / "reports"
    blocked.write_text("in the way")
    with couriers(database, tmp_path, files(blocked)):
        wait_until(lambda: delivery(database, "folder").not_before is not None, "the wait", 10)
    row = delivery(database, "folder")
    assert (row.state, row.attempts) == ("pending", 1)
    assert f"expected to write to {blocked}" in (row.last_message or "")
    blocked.unlink()
    let_time_pass(database)
    with couriers(database, tmp_path, files(blocked)):
        wait_until(lambda: delivery(database, "folder").state == "delivered", "the delivery", 10)
    assert [path.suffix for path in blocked.rglob("*.*")] == [".dcm"]


class Counting:
    """Takes everything and counts how often it had each report."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Answer]:
        """Take them one by one."""
        for report in reports:
            self.received[report.sop_instance_uid] += 1
            yield Answer(Ending.DELIVERED, "0x0000", "stored")

    def test(self) -> Iterator[Check]:
        """Try nothing."""
        yield from ()


def test_a_report_whose_sending_cannot_be_recorded_is_not_sent_again(
    database: Database, tmp_path: Path
) -> None:
    """The database takes claims and no record: the destination has each report once all the same.

    Nothing more is sent until the record is taken; then everything goes on by itself.
    """
    add_deliveries(database, count=3, pacs="pending")
    there = Counting()
    courier = Courier(made_up(there), database, load_settings(data_dir=tmp_path), patience_s=0.2)
    try:
        with without_events(database):
            for _ in range(3):
                with pytest.raises(DatabaseUnavailableError, match="a table or column missing"):
                    courier.deliver_all_due()
                let_time_pass(database)
            assert there.received.total() == 1
        for _ in range(2):  # what was claimed with it waits until its lease ends
            courier.deliver_all_due()
            let_time_pass(database)
    finally:
        courier.close()
    assert list(there.received.values()) == [1, 1, 1]
    assert undelivered(database, "pacs") == []


@contextmanager
def without_events(database: Database) -> Iterator[None]:
    """Have nothing recorded that belongs into the audit trail."""
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE events RENAME TO elsewhere"))
    try:
        yield
    finally:
        with database.engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO events"))


def test_an_attempt_that_fails_is_a_warning_with_its_reason(
    database: Database, tmp_path: Path
) -> None:
    """One that succeeds is told as information; the trail names the process that sent."""
    add_deliveries(database, folder="pending")
    blocked = tmp_path / "reports"
    blocked.write_text("in the way", encoding="utf-8")
    folder = files(blocked)
    with capture_logs() as logs:
        send_what_is_due(database, tmp_path, folder)
        blocked.unlink()
        let_time_pass(database)
        send_what_is_due(database, tmp_path, folder)
    failed, done = [line for line in logs if line["event"] == "delivery_attempted"]
    assert (failed["log_level"], failed["ending"]) == ("warning", "retry")
    assert f"expected to write to {blocked}" in failed["reason"]
    assert (done["log_level"], "reason" in done) == ("info", False)
    with database.read() as session:
        kinds = ("delivery_retried", "delivery_delivered")
        told = session.scalars(select(Event).where(Event.kind.in_(kinds))).all()
    assert {event.detail["worker"] for event in told} == {worker_name()}
