"""`screening site`: a site is calibrated, sees it everywhere, and takes it back."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.cli.person import os_user
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Classification
from screening.settings import Settings, load_settings
from screening.spool.store import Spool
from tests.rows.site import add_site
from tests.rows.standing_results import STUDY, add_bundles, add_scored, make, make_active
from tests.sites.commands import Command, command_of
from tests.sites.web_app import Client, make_app

EARLIER = "2020-01-01"
"""Before everything that the tests add."""


@pytest.fixture
def database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_file: Path
) -> Iterator[Database]:
    """Return the database of a site of 40 studies, all STAT, by the second of two bundles."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SCREENING_{name.upper()}", raising=False)
    monkeypatch.setenv("SCREENING_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("screening.cli.ringing.ring", lambda *_: None)
    shutil.copy(migrated_file, tmp_path / "screening.db")
    with closing(Database(load_settings().resolved_database_url)) as made:
        [_, active] = add_bundles(made, "other", "active")
        add_site(made, active, newest_at=utc_now())
        yield made


@pytest.fixture
def site(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs `screening site ARGUMENTS`: status, output, errors."""
    del database
    return command_of("site", monkeypatch, capsys)


def texts_of(report: Dataset) -> str:
    """Return every text of a report's content tree."""
    return "\n".join(str(e.value) for e in report.iterall() if e.keyword == "TextValue")


def by_priority(client: Client) -> dict[str, int]:
    """Return how many studies the list has of each priority."""
    found: dict[str, int] = {}
    for entry in client.ask("GET", "/api/v1/worklist?limit=100").json()["worklist"]:
        found[entry["priority"]] = found.get(entry["priority"], 0) + 1
    return found


def test_a_site_is_calibrated_and_page_report_trace_and_settings_say_so(
    site: Command,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before: said everywhere that it is not; then by rank, in the site's order; then back."""
    spool = Spool(tmp_path / "spool")
    spool.prepare()
    add_scored(database, spool, 2, made=False)
    [before] = make(database, spool)
    client = Client(make_app(database, load_settings()))
    settings = command_of("settings", monkeypatch, capsys)
    trace = command_of("trace", monkeypatch, capsys)
    not_calibrated = "not calibrated for this site"
    assert not_calibrated in client.ask("GET", "/").text
    assert not_calibrated in client.ask("GET", f"/studies/{STUDY}").text
    assert not_calibrated in client.ask("GET", "/model").text.lower()
    assert f"in the database: {not_calibrated}" in settings()[1]
    assert "Not calibrated for this site" in texts_of(before)
    assert 'calling_ae_title="the whole site"} 0.0' in client.ask("GET", "/metrics").text

    budget = ("--alert-budget", "STAT=10%,HIGH=20%", "--since", EARLIER, "--derive-since", EARLIER)
    status, said, _ = site("calibrate", *budget, "--yes")
    assert status == 0
    assert "STAT: COVID-19 score among the highest 10 % of this site's studies" in said
    assert "the whole site version 1 is in force" in said
    assert by_priority(client) == {"STAT": 4, "HIGH": 8, "LOW": 29}
    order = [
        one["priority_score"] for one in client.ask("GET", "/api/v1/worklist").json()["worklist"]
    ]
    assert order[:12] == sorted(order[:12], reverse=True)
    name = "the whole site version 1"
    assert f"calibration</span> {name}" in client.ask("GET", "/").text
    assert name in client.ask("GET", f"/studies/{STUDY}").text
    assert "among the highest 10 % of this site" in client.ask("GET", "/model").text
    assert f"in the database: {name}" in settings()[1]
    assert 'calling_ae_title="the whole site"} 1.0' in client.ask("GET", "/metrics").text
    assert f"from the same scores, calibrated for {name}" in trace(STUDY)[1]
    after = make(database, spool)[-1]
    assert f"site calibration: {name}, sha256" in texts_of(after)
    assert f"Calibrated for {name}, from 41 studies" in texts_of(after)

    status, said, _ = site("calibration", "rollback", "--yes", "--derive-since", EARLIER)
    assert status == 0
    assert not_calibrated in said
    assert not_calibrated in client.ask("GET", "/").text
    assert sum(by_priority(client).values()) == 41
    assert "Not calibrated for this site" in texts_of(make(database, spool)[-1])


def test_a_grey_level_curve_is_drawn_shown_and_everywhere_told(
    site: Command, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thresholds are then the bundle's, and no rank is of scores without the curve."""
    monkeypatch.setattr("screening.bundles.site.find_bundle", lambda *_: None)
    levels = tuple(range(0, 256, 15))
    monkeypatch.setattr("screening.bundles.reference.read_training_levels", lambda _: levels)
    options = ("calibrate", "--levels", "--since", EARLIER)
    status, _, said = site(*options, "--yes")
    assert status == 1
    assert "expected at least 30 images of this site" in said
    with database.write() as session:
        for row in session.scalars(select(Classification)):
            row.image_statistics = {"level_quantiles": [4.0 * n for n in range(33)]}
    status, said, _ = site(*options, "--derive-since", EARLIER, "--yes")
    assert status == 0
    assert "grey levels of 40 images" in said
    assert "become those of the training: 32 to 6" in said
    assert "40 images received since then keep their priority" in said
    shown = site("calibration", "show")[1]
    assert "warning: grey levels alone" in shown
    [listed] = json.loads(site("calibration", "list", "--json")[1])
    assert (listed["has_thresholds"], len(listed["grey_curve_sha256"])) == (False, 64)
    client = Client(make_app(database, load_settings()))
    assert "(grey levels alone: the bundle" in client.ask("GET", "/").text
    assert "by one curve of 40 images" in client.ask("GET", "/model").text
    status, _, said = site("calibrate", "--since", EARLIER, "--yes")
    assert status == 1
    assert "40 images scored with other grey levels than those in force" in said
    assert site("calibrate", "--levels", "--alert-budget", "STAT=5%")[0] == 2


def test_each_sender_has_its_own_and_the_list_tells_which_are_in_force(site: Command) -> None:
    """Versions, who made them, and what became of them; the file can be put in force again."""
    options = ("--calling-aet", "CR1", "--since", EARLIER, "--yes")
    assert site("calibrate", *options)[0] == 0
    assert site("calibrate", *options)[0] == 0
    listed = json.loads(site("calibration", "list", "--json")[1])
    assert [(one["version"], one["state"]) for one in listed] == [(2, "in force"), (1, "replaced")]
    assert {one["made_by"] for one in listed} == {os_user()}
    shown = site("calibration", "show", "--calling-aet", "CR1", "--version", "1", "--json")[1]
    file = Path("calibrations") / "CR1-1.json"
    assert file.read_text(encoding="utf-8") == shown
    assert site("calibration", "apply", str(file), "--yes")[0] == 0
    assert "CR1 version 3: in force" in site("calibration", "show", "--calling-aet", "CR1")[1]
    assert site("calibration", "rollback", "--calling-aet", "CR1", "--yes")[0] == 0
    states = [one["state"] for one in json.loads(site("calibration", "list", "--json")[1])]
    assert states == [f"rolled back by {os_user()}", "in force", "replaced"]


def test_a_dry_run_and_a_no_apply_nothing(site: Command) -> None:
    """Both show what would be; neither keeps a version."""
    status, said, _ = site("calibrate", "--since", EARLIER, "--dry-run", "--json")
    told = json.loads(said)
    assert status == 0
    assert told["studies_by_calibration"] == {"STAT": 2, "HIGH": 8, "MEDIUM": 20}
    assert told["studies_by_bundle"]["STAT"] >= 2
    assert site("calibrate", "--since", EARLIER, answer="n\n")[0] == 1
    assert json.loads(site("calibration", "list", "--json")[1]) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("calibrate", "--calling-aet", "CR9"), "30 images of 20 studies from CR9 .* found 0 of 0"),
        (("calibrate", "--since", EARLIER, "--alert-budget", "STAT=0%,HIGH=5%"), "budget for STAT"),
        (("calibrate", "--since", EARLIER, "--alert-budget", "STAT=99%,HIGH=5%"), "at most 100 %"),
        (("calibrate", "--since", EARLIER, "--labels", "none.csv"), "none.csv: expected a file"),
        (("calibration", "rollback"), "in force, found none"),
        (("calibration", "show"), "in force, found none"),
        (("calibration", "apply", "none.json"), "none.json: expected a file"),
    ],
)
def test_what_cannot_be_done_ends_with_a_line_and_status_1(
    site: Command, arguments: tuple[str, ...], message: str
) -> None:
    """Nothing is applied; the line says what was expected, what was found."""
    status, _, said = site(*arguments)
    assert status == 1
    assert re.search(message, said)
    assert json.loads(site("calibration", "list", "--json")[1]) == []


def test_a_new_bundle_makes_it_void_and_page_and_metric_say_so(
    site: Command, database: Database
) -> None:
    """The bundle's thresholds are in force; a file of the former bundle is refused."""
    assert site("calibrate", "--since", EARLIER, "--yes")[0] == 0
    make_active(database, 1)
    client = Client(make_app(database, load_settings()))
    page = client.ask("GET", "/").text
    assert "void since the bundle was changed: the whole site version 1" in page
    assert 'calling_ae_title="the whole site"} 0.0' in client.ask("GET", "/metrics").text
    status, _, said = site("calibration", "apply", "calibrations/site-1.json", "--yes")
    assert status == 1
    assert "found one of active 1" in said
