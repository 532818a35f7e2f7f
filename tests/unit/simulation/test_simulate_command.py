"""`screening worklist simulate`: figures, a drawing, and the site's own month."""

import json
import xml.etree.ElementTree as ET
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from screening.cli.main import app
from screening.db.clock import utc_now
from screening.db.session import Database
from screening.domain.reading import Label
from tests.rows.readings import add_study, read_by

SVG = "{http://www.w3.org/2000/svg}"
SHORT = ("worklist", "simulate", "--days", "3")


@pytest.fixture
def site(migrated_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Database:
    """Return the database that commands use."""
    monkeypatch.setenv("SCREENING_DATA_DIR", str(tmp_path))
    url = migrated_database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SCREENING_DATABASE_URL", url)
    return migrated_database


def simulated(*options: str) -> str:
    """Run the command and return what it prints."""
    done = CliRunner().invoke(app, [*SHORT, *options])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("site")
def test_figures_and_drawing_are_the_same_each_time(tmp_path: Path) -> None:
    """The same options give the same figures and bytes; another seed gives others."""
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    said = simulated("--cap", "4", "--plot", str(first))
    assert simulated("--cap", "4", "--plot", str(second)) == said
    assert first.read_bytes() == second.read_bytes()
    assert simulated("--cap", "4", "--seed", "2") != said
    assert "readers are busy for 80 % of their hours" in said
    assert "by priority, cap 4 h" in said
    root = ET.parse(first).getroot()  # noqa: S314  we wrote it
    texts = " ".join(one.text or "" for one in root.iter(f"{SVG}text"))
    assert "with disease, missed" in texts
    assert "by priority, cap 4 h" in texts
    assert len(list(root.iter(f"{SVG}path"))) == 3 + 6 * 4
    assert "http" not in first.read_text().replace(SVG.strip("{}"), "")


@pytest.mark.usefixtures("site")
def test_the_cap_is_the_sites_unless_another_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without either two orders are compared, and how to have a cap is said."""
    assert "no cap: give --cap HOURS" in simulated()
    monkeypatch.setenv("SCREENING_WAITING_CAP_HOURS", "6")
    orders = {one["order"] for one in json.loads(simulated("--json"))["waits"]}
    assert "by priority, cap 6 h" in orders
    assert "by priority, cap 2 h" in simulated("--cap", "2")


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("hours", ["8", "18-8", "8-25", "x-y", "-1-8"])
def test_hours_that_are_none_are_refused(hours: str) -> None:
    """With an example of what is expected."""
    done = CliRunner().invoke(app, [*SHORT, f"--hours={hours}"])
    assert done.exit_code == 2
    assert "expected hours such as 8-18" in " ".join(done.output.split())


def test_a_site_replays_its_own_readings(site: Database) -> None:
    """Those that were recorded, where enough are; by priority and by what readers found."""
    arrived = utc_now() - timedelta(hours=5)
    for number in range(4):
        add_study(site, f"1.{number}", "LOW", received_at=arrived + number * timedelta(minutes=1))
    add_study(site, "1.9", "STAT", 0.9, received_at=arrived + timedelta(minutes=9))
    old = utc_now() - timedelta(days=9)
    add_study(site, "1.8", "STAT", 0.9, received_at=old)
    assert "5 studies of this site, 0 of them read; readers are busy" in simulated("--site")
    for study in ("1.0", "1.1", "1.9"):
        read_by(site, study, label=Label.COVID19 if study == "1.9" else Label.NORMAL)
    said = json.loads(simulated("--site", "--json"))
    assert said["queue"] == "5 studies of this site, 3 of them read, as recorded"
    found = {(one["order"], one["group"]): one for one in said["waits"]}
    assert found["by priority", "all"]["unread"] == 2
    assert found["by priority", "reader found covid19"]["unread"] == 0
    assert found["first come, first served", "reader found covid19"]["unread"] == 1
    assert found["by priority", "STAT"]["studies"] == 1


def test_a_site_without_studies_says_so(site: Database) -> None:
    """Nothing can be replayed."""
    del site
    done = CliRunner().invoke(app, [*SHORT, "--site"])
    assert done.exit_code == 2
    assert "expected studies in this time" in " ".join(done.output.split())
