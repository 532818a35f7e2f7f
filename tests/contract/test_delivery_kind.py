"""A kind of delivery and a rendering that are one file each: nothing else knows of them."""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from screening.db.breakers import failing_destinations
from screening.db.session import Database
from screening.db.tables.instances import Delivery, Instance, Report
from screening.delivery.destination import Destination, connected
from screening.delivery.kind import KINDS
from screening.delivery.rendering import RENDERINGS
from screening.errors import SettingsError
from screening.ops.change_over import finish_change_over
from screening.report import outbox
from screening.settings import child_environment, load_settings
from screening.spool.store import Spool
from tests.contract.test_outbox import add_result
from tests.peers.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.reports.deliveries import delivery, let_time_pass, send_what_is_due
from tests.rows.standing_results import add_bundles, add_scored, make_active, reports
from tests.rows.stored import NOON
from tests.services.servers import free_port

FILES = ("tests.reports.json_report", "tests.reports.webhook")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import the two files, and forget what they registered after the test."""
    for registry in (KINDS, RENDERINGS):
        registry.names()
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    for module in FILES:
        monkeypatch.delitem(sys.modules, module, raising=False)
        import_module(module)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """Return a running server."""
    with webhook_receiver() as running:
        yield running


def entry(url: str, **keys: Any) -> dict[str, Any]:
    """Return a destination as the settings have it."""
    return {"name": "hook", "kind": "post", "url": url, **keys}


def hook(url: str) -> Destination:
    """Return the destination, ready to be sent to."""
    settings = load_settings(destinations=[entry(url)], reports_folder=False)
    [destination] = connected(settings.all_destinations, settings.site)
    return destination


def make_reports(database: Database, spool: Spool, count: int = 1, **more: str) -> None:
    """Make JSON reports for the destination `hook`, and what others take besides."""
    for number in range(count):
        add_result(database, spool, f"1.2.3.1.1.{number}")
    outbox.make_due_reports(database, spool, {"hook": "made_up", **more})


def state(database: Database) -> tuple[str, str | None]:
    """Return the first delivery's state and last status."""
    row = delivery(database, "hook")
    return row.state, row.last_status


def test_settings_take_it_and_hand_it_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the file or a variable, with its own keys and default, and on to a child process."""
    monkeypatch.chdir(tmp_path)
    told = load_settings(destinations=[entry("http://h/r", timeout_s=3)])
    assert told.destinations[0].model_dump() == {
        "name": "hook",
        "kind": "post",
        "profile": "made_up",
        "url": "http://h/r",
        "timeout_s": 3.0,
    }
    monkeypatch.setenv("SCREENING_DESTINATIONS", child_environment(told)["SCREENING_DESTINATIONS"])
    assert load_settings() == told
    monkeypatch.delenv("SCREENING_DESTINATIONS")
    Path("screening.toml").write_text(
        '[[destinations]]\nname = "hook"\nkind = "post"\nurl = "http://h/r"\ntimeout_s = 3\n'
    )
    assert load_settings().destinations == told.destinations


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        (
            {"kind": "fax"},
            (
                r"kind .*expected a destination kind: c-store, folder, hl7-mllp, post, stow-rs, "
                r"webhook; found 'fax'"
            ),
        ),
        (
            {"profile": "xml"},
            r"profile .*post can send: basic_text, .*, json, .*, made_up, oru_r01; found 'xml'",
        ),
        ({"url": "h"}, r"destinations\.0\.url"),
        ({"timeout_s": 31}, r"destinations\.0\.timeout_s"),
        ({"port": 104}, r"destinations\.0\.port: no such setting"),
    ],
)
def test_wrong_keys_are_named(keys: dict[str, Any], complaint: str) -> None:
    """An unknown kind with those there are, a rendering with those that the kind can send."""
    with pytest.raises(SettingsError, match=complaint):
        load_settings(destinations=[entry("http://h/r") | keys])


def test_a_storage_scp_takes_no_json() -> None:
    """What is no DICOM object is not offered to C-STORE, and no presentation context to others."""
    pacs = {"name": "pacs", "host": "h", "port": 104, "ae_title": "PACS", "profile": "made_up"}
    with pytest.raises(
        SettingsError, match=r"c-store can send: basic_text, .*enhanced, heat_map; found"
    ):
        load_settings(destinations=[pacs])


def test_a_report_is_made_and_delivered(
    database: Database, spool: Spool, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    """Once, beside the SR of another destination, under a UID of its own."""
    make_reports(database, spool, folder="comprehensive")
    send_what_is_due(database, tmp_path, hook(receiver.url))
    send_what_is_due(database, tmp_path, hook(receiver.url))
    assert state(database) == ("delivered", "200")
    [(key, body)] = receiver.came
    assert json.loads(body)["image"] == "1.2.3.1.1.0"
    with database.read() as session:
        written, structured = session.scalars(select(Report).order_by(Report.profile.desc()))
    assert (written.profile, written.sop_instance_uid, written.content) == ("made_up", key, body)
    assert written.sop_class_uid == ""
    assert structured.profile == "comprehensive"
    assert structured.sop_instance_uid != key


@pytest.mark.parametrize(
    ("status", "expected"), [(422, "parked"), (503, "pending"), (401, "pending")]
)
def test_answers_end_attempts_by_its_table(
    database: Database,
    spool: Spool,
    receiver: WebhookReceiver,
    tmp_path: Path,
    status: int,
    expected: str,
) -> None:
    """Refused is parked; what may pass is sent again after a wait, the same bytes."""
    make_reports(database, spool)
    receiver.status = status
    send_what_is_due(database, tmp_path, hook(receiver.url))
    assert state(database) == (expected, str(status))
    receiver.status = 200
    send_what_is_due(database, tmp_path, hook(receiver.url))
    assert len(receiver.came) == 1, "it waits"
    let_time_pass(database)
    send_what_is_due(database, tmp_path, hook(receiver.url))
    delivered = expected == "pending"
    assert state(database)[0] == ("delivered" if delivered else "parked")
    assert len(receiver.came) == 1 + delivered
    assert len(set(receiver.came)) == 1


def test_a_server_that_is_down_is_only_probed_after_some_batches(
    database: Database, spool: Spool, tmp_path: Path
) -> None:
    """The breaker opens as for any destination."""
    make_reports(database, spool, 2)
    down = hook(f"http://127.0.0.1:{free_port()}/reports")
    for batch in range(1, 4):
        send_what_is_due(database, tmp_path, down, breaker_failures=3)
        [failing] = failing_destinations(database)
        assert (failing.failures, failing.paused) == (batch, batch == 3)
        assert "cannot be reached" in failing.last_message
        let_time_pass(database)
    send_what_is_due(database, tmp_path, down, breaker_failures=3)
    with database.read() as session:
        attempts = session.scalars(select(Delivery.attempts).order_by(Delivery.attempts)).all()
    assert attempts == [3, 4], "one report alone was the probe"


def test_an_answer_that_all_would_get_pauses_the_server_at_once(
    database: Database, spool: Spool, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    """It is asked for one report of the batch; the first that it takes resumes all."""
    make_reports(database, spool, 3)
    receiver.status = 401
    send_what_is_due(database, tmp_path, hook(receiver.url))
    assert len(receiver.came) == 1
    [failing] = failing_destinations(database)
    assert (failing.paused, failing.last_message) == (True, "Unauthorized")
    assert [row_state for row_state, _ in all_deliveries(database)] == ["pending"] * 3
    let_time_pass(database)
    receiver.status = 200
    send_what_is_due(database, tmp_path, hook(receiver.url))
    assert [row_state for row_state, _ in all_deliveries(database)] == ["delivered"] * 3
    assert failing_destinations(database) == []


def all_deliveries(database: Database) -> list[tuple[str, int]]:
    """Return state and attempts of every delivery."""
    with database.read() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.id))
        return [(row.state, row.attempts) for row in rows]


def test_its_test_says_what_is_there(receiver: WebhookReceiver) -> None:
    """Reachable and accepted, each by itself; nothing is sent."""
    there = hook(receiver.url)
    assert [(check.what, check.passed) for check in there.test()] == [
        ("reachable", True),
        ("accepted", True),
    ]
    receiver.status = 405
    assert [check.passed for check in there.test()] == [True, False]
    assert receiver.came == []
    [check] = hook(f"http://127.0.0.1:{free_port()}/").test()
    assert (check.what, check.passed) == ("reachable", False)


def test_a_later_report_of_a_removed_image_reads_its_header_in_an_sr(
    database: Database, spool: Spool
) -> None:
    """Not in the JSON, though that is newer; each report names the one before of its rendering."""
    [former, newer] = add_bundles(database, "former", "newer")
    image = add_scored(database, spool, former, newer, made=False)
    both = {"hook": "made_up", "folder": "comprehensive"}
    outbox.make_due_reports(database, spool, both)
    with database.write() as session:
        row = session.get_one(Instance, image)
        row.removing_since = row.removed_at = NOON
        spool.remove(row.sha256)
    make_active(database, former)
    finish_change_over(database)
    outbox.make_due_reports(database, spool, both)
    structured, written, again, written_again = reports(database)
    assert [one.profile for one in reports(database)] == ["comprehensive", "made_up"] * 2
    assert json.loads(written_again.content)["supersedes"] == [written.sop_instance_uid]
    assert json.loads(written_again.content)["image"] == json.loads(written.content)["image"]
    assert again.predecessor_id == structured.id
