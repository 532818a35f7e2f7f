"""`screening corrections`: list, show, accept, reject."""

import json
from pathlib import Path

import pytest

from screening.cli.person import os_user
from screening.db.corrections import CorrectionDetail, read_correction
from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.settings import Settings, load_settings
from tests.rows.waiting_correction import IMAGE_UID, add_waiting_correction
from tests.sites.commands import Command, command_of


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Return the database of a site with one correction, number 1."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SCREENING_{name.upper()}", raising=False)
    monkeypatch.setenv("SCREENING_DATA_DIR", str(tmp_path))
    url = load_settings().resolved_database_url
    upgrade(url)
    made = Database(url)
    with made.write() as session:
        assert add_waiting_correction(session) == 1
    return made


@pytest.fixture
def command(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs `screening corrections ARGUMENTS`: status, output, errors."""
    del database
    return command_of("corrections", monkeypatch, capsys)


def correction(database: Database) -> CorrectionDetail:
    """Return the correction."""
    found = read_correction(database, 1)
    assert found is not None
    return found


def test_the_list_names_what_differs_and_no_patient(command: Command) -> None:
    """Number, sender and attributes; values are shown by `show` alone."""
    status, said, _ = command("list", "--json")
    [line] = json.loads(said)
    assert status == 0
    assert (line["number"], line["state"], line["differs_in"]) == (1, "waiting", ["PatientName"])
    assert line["sop_instance_uid"] == IMAGE_UID
    for listed in (said, command("list")[1]):
        assert not {"Jane", "Joan", "P00001"} & set(listed.replace("^", " ").split())


def test_both_versions_are_shown_side_by_side(command: Command) -> None:
    """As a table and as JSON."""
    lines = command("show", "1")[1].splitlines()
    [named] = [line for line in lines if "Doe^Jane" in line]
    assert "Doe^Joan" in named
    assert "differs" in named
    attributes = json.loads(command("show", "1", "--json")[1])["attributes"]
    assert {"keyword": "PatientName", "before": "Doe^Jane", "corrected": "Doe^Joan",
            "differs": True} in attributes  # fmt: skip


@pytest.mark.parametrize(("how", "state"), [("accept", "accepted"), ("reject", "rejected")])
def test_a_decision_is_asked_about(
    command: Command, database: Database, how: str, state: str
) -> None:
    """Both versions come before the question; No changes nothing; who decided is on record."""
    status, said, _ = command(how, "1", answer="n\n")
    assert (status, correction(database).state) == (1, "waiting")
    assert "Doe^Joan" in said
    assert command(how, "1", "--yes")[0] == 0
    assert (correction(database).state, correction(database).decided_by) == (state, os_user())
    assert command("list", "--json")[1].strip() == "[]"
    listed = json.loads(command("list", "--all", "--json")[1])
    assert (state, os_user()) in {(line["state"], line["decided_by"]) for line in listed}


@pytest.mark.parametrize("how", ["show", "accept", "reject"])
def test_a_number_that_is_none(command: Command, how: str) -> None:
    """One line says so."""
    status, _, problem = command(how, "99", *([] if how == "show" else ["--yes"]))
    assert status == 1
    assert "found none with number 99" in problem
