"""Rules of the settings decide which destination a result goes to, and the trail says why."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Classification, Delivery, Event, Instance
from screening.delivery.routing import HOLDS_AN_EARLIER_ONE, Route, Routing
from screening.domain.event_words import event_text
from screening.errors import SettingsError
from screening.ops.change_over import finish_change_over
from screening.report import outbox
from screening.report.late_deliveries import find_late
from screening.settings import child_environment, load_settings
from screening.spool.store import Spool
from tests.contract.test_late_deliveries import LONG_AGO
from tests.contract.test_outbox import add_result
from tests.peers.receiving import radiograph
from tests.rows.standing_results import add_bundles, add_scored, make_active
from tests.sites.commands import Command, command_of

BOTH = {"pacs": "comprehensive", "ris": "basic_text"}
URGENT = Route(name="urgent", to=("ris",), priorities=("STAT",))
ROOM = Route(name="room", to=("pacs",), calling_ae_titles=("CR1",))
TABLE = Routing((URGENT, ROOM))


def make(database: Database, spool: Spool, routing: Routing = TABLE) -> None:
    """Make every report that is due."""
    while outbox.make_due_reports(database, spool, BOTH, None, routing):
        pass


def set_sender(database: Database, calling_ae_title: str) -> None:
    """Have every image so far come from one AE title."""
    with database.write() as session:
        for image in session.scalars(select(Instance)):
            image.calling_ae_title = calling_ae_title


def sent(database: Database) -> list[tuple[int, str]]:
    """Return revision or number of each delivery's report, and its destination."""
    with database.read() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.id))
        return [(row.report.classification_id, row.destination) for row in rows]


def routed(database: Database) -> list[dict[str, str]]:
    """Return what the trail says of each decision."""
    with database.read() as session:
        rows = session.scalars(select(Event).filter_by(kind="result_routed").order_by(Event.id))
        return [row.detail["to"] for row in rows]


def test_a_result_goes_where_a_rule_sends_it(database: Database, spool: Spool) -> None:
    """Reports are made for those destinations alone; the row is done, also where there is none."""
    stat = add_result(database, spool, "1.2.3.1.1.1")
    low = add_result(database, spool, "1.2.3.1.1.2")
    with database.write() as session:
        session.get_one(Classification, low).priority = "LOW"
    make(database, spool)
    assert sent(database) == [(stat, "ris")]
    assert routed(database) == [{"ris": "by urgent"}, {}]
    assert not outbox.anything_due(database)
    assert [event_text("result_routed", {"to": to}) for to in routed(database)] == [
        "result goes to ris, by urgent",
        "result goes to no destination: no rule fits",
    ]


def test_without_rules_the_trail_says_nothing_of_them(database: Database, spool: Spool) -> None:
    """And everything goes everywhere."""
    one = add_result(database, spool)
    make(database, spool, Routing())
    assert sent(database) == [(one, "ris"), (one, "pacs")]
    assert routed(database) == []


def test_who_has_an_earlier_report_gets_the_later_one(database: Database, spool: Spool) -> None:
    """Of another bundle, with a priority that no rule sends there; and after rules have changed."""
    [former, newer] = add_bundles(database, "former", "newer")
    add_scored(database, spool, former, newer, made=False)
    set_sender(database, "CR9")
    make_active(database, former)
    finish_change_over(database)
    make(database, spool)
    make_active(database, newer)
    finish_change_over(database)
    make(database, spool, Routing((ROOM,)))
    assert [name for _, name in sent(database)] == ["ris", "ris"]
    assert routed(database) == [{"ris": "by urgent"}, {"ris": HOLDS_AN_EARLIER_ONE}]


def test_what_is_queued_stays_when_the_rules_change(database: Database, spool: Spool) -> None:
    """Rules are asked when a report is made, and never again."""
    one = add_result(database, spool)
    make(database, spool)
    other = add_result(database, spool, "1.2.3.1.1.2")
    set_sender(database, "CR1")
    make(database, spool, Routing((ROOM,)))
    assert sent(database) == [(one, "ris"), (other, "pacs")]


def test_a_destination_added_later_gets_what_rules_send_there(
    database: Database, spool: Spool
) -> None:
    """What they send elsewhere is counted and left out."""
    add_result(database, spool, "1.2.3.1.1.1")
    set_sender(database, "CR1")
    add_result(database, spool, "1.2.3.1.1.2")
    while outbox.make_due_reports(database, spool, {"old": "comprehensive"}):
        pass
    late = find_late(database, "pacs", "comprehensive", LONG_AGO, TABLE)
    assert (late.to_send, late.not_routed) == (1, 1)
    assert find_late(database, "pacs", "comprehensive", LONG_AGO).to_send == 2


@pytest.fixture
def routes(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Command:
    """Return the command on this database, with a destination `pacs` and one `ris`."""
    peer = {"host": "h", "port": 104, "ae_title": "A"}
    destinations = [{"name": name, **peer} for name in ("pacs", "ris")]
    table = [route.model_dump(mode="json", exclude_none=True) for route in (URGENT, ROOM)]
    url = database.engine.url.render_as_string(hide_password=False)
    for name, value in {
        "DATABASE_URL": url,
        "DATA_DIR": str(tmp_path),
        "DESTINATIONS": json.dumps(destinations),
        "ROUTES": json.dumps(table),
        "REPORTS_FOLDER": "false",
    }.items():
        monkeypatch.setenv(f"SCREENING_{name}", value)
    return command_of("routes", monkeypatch, capsys)


def test_the_command_explains_what_was_received(
    routes: Command, database: Database, spool: Spool
) -> None:
    """Every rule, those that do not fit too, for a study and for an image."""
    add_result(database, spool)
    set_sender(database, "CR2")
    status, printed, _ = routes("test", "1.2.3.1", "--json")
    [said] = json.loads(printed)
    assert status == 0
    assert said["destinations"] == {"ris": "by urgent"}
    assert said["rules"] == [
        {"route": "urgent", "to": ["ris"], "fit": "yes", "why": "priority is STAT"},
        {"route": "room", "to": ["pacs"], "fit": "no", "why": "calling AE title is CR2, not CR1"},
    ]
    assert said["result"]["trained"] == "true"
    assert said["result"]["calibrated"] == "false"
    assert json.loads(routes("test", "1.2.3.1.1.1", "--json")[1]) == [said]
    _, printed, _ = routes("test", "1.2.3.1", "--priority", "LOW", "--calling-ae-title", "CR1")
    assert "by room" in printed
    assert "priority is LOW, not STAT" in printed


def test_the_command_explains_what_was_not(
    routes: Command, database: Database, tmp_path: Path
) -> None:
    """A file: on what it depends, with the active bundle; and what is neither is said to be."""
    add_bundles(database, "covid-cxr")
    file = tmp_path / "image.dcm"
    file.write_bytes(radiograph())
    [said] = json.loads(routes("test", str(file), "--json")[1])
    assert (said["destinations"], set(said["possible"])) == ({}, {"pacs", "ris"})
    assert said["result"]["bundle"].startswith("covid-cxr@")
    assert said["rules"][0]["why"] == "if priority is STAT"
    assert "if priority is STAT" in routes("test", str(file))[1]
    assert routes("test", "no-such-file")[0] == 2
    assert routes("test", str(file), "--priority", "SOON")[0] == 2
    status, _, error = routes("test", "1.2.3.4.5")
    assert (status, "found none of UID 1.2.3.4.5" in error) == (1, True)


def test_the_command_lists_the_rules(routes: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """And who gets nothing new; without rules it says so."""
    assert [one["name"] for one in json.loads(routes("list", "--json")[1])] == ["urgent", "room"]
    monkeypatch.setenv("SCREENING_ROUTES", json.dumps([{"name": "one", "to": ["ris"]}]))
    printed = routes("list")[1]
    assert "every result" in printed
    assert "no rule names pacs" in printed
    monkeypatch.delenv("SCREENING_ROUTES")
    assert routes("list")[1] == "no routes: every result goes to every destination\n"


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ([{"name": "one", "to": ["pax"]}], "routes: one: expected a destination"),
        ([{"name": "one", "to": []}], r"routes\.0\.to"),
        ([{"name": "one", "to": ["pacs"], "priorities": []}], r"routes\.0\.priorities"),
        ([{"name": "one", "to": ["pacs"], "priorities": ["SOON"]}], r"routes\.0\.priorities\.0"),
        ([{"name": "one", "to": ["pacs"], "modality": "CR"}], r"routes\.0\.modality: no such"),
        ([{"name": "a b", "to": ["pacs"]}], r"routes\.0\.name"),
    ],
)
def test_settings_with_a_wrong_table_do_not_start(table: list[Any], complaint: str) -> None:
    """The message names the rule and the key."""
    pacs = {"name": "pacs", "host": "h", "port": 104, "ae_title": "A"}
    with pytest.raises(SettingsError, match=complaint):
        load_settings(destinations=[pacs], routes=table)


def test_routes_and_destinations_reach_another_process_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `screening up` hands to its stations, every kind of destination among it."""
    monkeypatch.chdir(tmp_path)
    web = {"name": "web", "kind": "stow-rs", "url": "https://h/dicom-web"}
    ris = {"name": "ris", "kind": "hl7-mllp", "host": "h", "port": 2575}
    hook = {"name": "hook", "kind": "webhook", "url": "https://h/", "secret_file": "secret"}
    table = [
        {"name": "one", "to": ["ris", "hook"], "trained": True},
        {"name": "two", "to": ["web"]},
    ]
    told = load_settings(destinations=[web, ris, hook], routes=table)
    handed_on = child_environment(told)
    for name in ("SCREENING_DESTINATIONS", "SCREENING_ROUTES"):
        monkeypatch.setenv(name, handed_on[name])
    assert load_settings() == told
