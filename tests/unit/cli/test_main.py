"""What the commands print and how they end."""

import io
import json
import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from screening.cli.main import run
from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.settings import Settings, load_settings
from screening.spool.store import Spool
from tests.rows.stored import (
    add_bundle,
    add_classification,
    add_instance,
    add_report,
    add_score,
)
from tests.services.servers import free_port

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of an empty site."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SCREENING_{name.upper()}", raising=False)
    monkeypatch.setenv("SCREENING_DATA_DIR", str(tmp_path))
    return load_settings()


@pytest.fixture
def command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs `screening ARGUMENTS`: exit status, output, errors."""
    del settings

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["screening", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


@pytest.fixture
def database(settings: Settings) -> Database:
    """Migrate the site's database."""
    upgrade(settings.resolved_database_url)
    return Database(settings.resolved_database_url)


def test_the_version_is_that_of_the_package_and_of_the_changelog(
    command: Command,
) -> None:
    """What is printed is what is installed, and the newest release that the changelog has."""
    status, out, _ = command("--version")
    changes = (Path(__file__).parents[3] / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", changes, re.MULTILINE)
    assert (status, out.strip()) == (0, metadata.version("screening"))
    assert released[:1] == [out.strip()]


def test_a_wrong_setting_ends_a_command_with_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 2, no traceback, nothing on standard output."""
    monkeypatch.setenv("SCREENING_SCP_PORT", "many")
    status, out, err = command("ledger")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("screening: settings: scp_port (SCREENING_SCP_PORT)")


def test_a_database_without_schema_ends_a_command_with_advice(command: Command) -> None:
    """The command that helps is named, and it helps."""
    status, _, err = command("worklist")
    assert (status, "run `screening db upgrade`" in err) == (2, True)
    assert command("db", "upgrade")[0] == 0
    status, out, _ = command("worklist", "--json")
    assert (status, json.loads(out)) == (0, [])


def test_the_worklist_is_printed_in_parts(command: Command, database: Database) -> None:
    """A limit, and how to see what follows, apart from the rows, until nothing does."""
    with database.write() as session:
        bundle = add_bundle(session)
        for number, covid19 in enumerate((0.9996, 0.8, 0.7), start=1):
            instance = add_instance(session, f"1.2.{number}", patient_sex="F", patient_age="045Y")
            add_score(session, instance, bundle, priority="STAT", covid19=covid19)
    status, out, err = command("worklist", "--limit", "2")
    assert (status, "1.2.1" in out, "1.2.2" in out, "1.2.3" in out) == (0, True, True, False)
    assert "> 99 %" in out
    assert "< 1 %" in out
    assert err.startswith("more follow: screening worklist --after ")
    cursor = err.split()[-1]
    status, out, err = command("worklist", "--json", "--after", cursor)
    assert [entry["study_instance_uid"] for entry in json.loads(out)] == ["1.2.3"]
    assert (status, err) == (0, "")
    database.close()


@pytest.mark.usefixtures("database")
def test_a_wrong_cursor_or_limit_is_told(command: Command) -> None:
    """Exit status 2, and what to do."""
    status, _, err = command("worklist", "--after", "1.2.3")
    assert status == 2
    assert "start at the first page" in " ".join(err.replace("│", " ").split())
    assert command("worklist", "--limit", "1000000")[0] == 2


@pytest.mark.usefixtures("database")
def test_a_uid_nobody_sent_is_an_error(command: Command) -> None:
    """Exit status 1, and where to look."""
    status, _, err = command("trace", "1.2.3")
    assert (status, "found nothing for this value" in err) == (1, True)


def test_settings_are_listed_with_their_origin(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every setting in JSON; misspelt variables are told beside it; no password."""
    monkeypatch.setenv("SCREENING_SPC_PORT", "1")
    monkeypatch.setenv("SCREENING_BROKER_URL", "redis://:secret@host/0")
    status, out, err = command("settings", "--json")
    listed = {one["name"]: one for one in json.loads(out)}
    assert (status, set(listed)) == (0, set(Settings.model_fields))
    assert listed["broker_url"]["origin"] == "SCREENING_BROKER_URL"
    assert "secret" not in out
    assert "SCREENING_SPC_PORT is not a setting" in err


@pytest.mark.usefixtures("database")
def test_the_ledger_of_an_empty_site_adds_up(command: Command) -> None:
    """Counts in JSON, exit status 0."""
    status, out, _ = command("ledger", "--json")
    assert (status, json.loads(out)["received"], json.loads(out)["adds_up"]) == (0, 0, True)


@pytest.mark.usefixtures("database")
def test_reprocess_needs_an_active_bundle_and_a_point_in_time(command: Command) -> None:
    """Both are said in words."""
    status, _, err = command("reprocess", "--since", "7d", "--yes")
    assert (status, "expected an active bundle" in err) == (2, True)
    status, _, err = command("reprocess", "--since", "yesterday")
    assert (status, "7d" in err) == (2, True)


def test_reprocess_counts_and_then_adds(command: Command, database: Database) -> None:
    """A dry run adds nothing; the real one is repeatable."""
    with database.write() as session:
        add_bundle(session, name="older", role="retired")
        add_bundle(session)
        image = add_instance(session, "1.2")
        add_classification(session, image, state="failed", reason="undecodable_pixels")
    database.close()
    period = ("reprocess", "--since", "2026-01-01", "--json")
    for arguments, to_do in ((("--dry-run",), 1), (("--yes",), 1), (("--yes",), 0)):
        status, out, _ = command(*period, *arguments)
        assert (status, json.loads(out)["to_do"]) == (0, to_do)
    status, out, _ = command("ledger", "--json")
    assert json.loads(out)["backfill_pending"] == 1


def test_retention_counts_unless_told_to_remove(
    command: Command, database: Database, settings: Settings
) -> None:
    """Without an age it says which two ways there are to give one; a dry run marks nothing."""
    with database.write() as session:
        image = add_instance(session, "1.2")
        add_classification(session, image, state="not_applicable", reason="not_frontal")
        add_classification(session, add_instance(session, "1.3"))
    database.close()
    Spool(settings.spool_dir).prepare()
    status, _, err = command("retention")
    assert (status, "expected --older-than DAYS or SCREENING_RETENTION_DAYS" in err) == (2, True)
    for arguments, applied in (((), False), (("--apply", "--yes"), True)):
        status, out, _ = command("retention", "--older-than", "0", "--json", *arguments)
        said = json.loads(out)
        assert (status, said["applied"], said["images"]) == (0, applied, 1)
        assert said["kept"] == {"waits for its classification": 1}
    status, out, _ = command("retention", "--older-than", "0")
    assert (status, out.startswith("0 images, 0.0 MiB would be removed")) == (0, True)
    assert "waits for its classification" in out


def test_retention_asks_before_it_removes(
    command: Command,
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the count and the size; only a yes removes, and JSON stays alone on its stream."""
    with database.write() as session:
        image = add_instance(session, "1.2")
        add_classification(session, image, state="not_applicable", reason="not_frontal")
    database.close()
    Spool(settings.spool_dir).prepare()
    apply = ("retention", "--older-than", "0", "--apply", "--json")
    for answer, expected in (("\n", 1), ("n\n", 1), ("", 1), ("y\n", 0), ("", 0)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        status, out, err = command(*apply)
        assert status == expected
        if answer:
            assert "Remove 1 images" in err
        if status == 0:
            assert json.loads(out)["applied"]
        else:
            assert out.strip() == ""


def test_work_that_waits_for_the_broker_is_told_beside_the_answer(
    command: Command, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, in words, with status 0: the rows are written."""
    with database.write() as session:
        add_bundle(session, name="older", role="retired")
        add_bundle(session)
        image = add_instance(session, "1.2")
        add_classification(session, image, state="failed", reason="undecodable_pixels")
    database.close()
    monkeypatch.setenv("SCREENING_BROKER_URL", f"redis://127.0.0.1:{free_port()}/0")
    status, out, err = command("reprocess", "--since", "2026-01-01", "--yes", "--json")
    assert (status, json.loads(out)["to_do"]) == (0, 1)
    assert err.startswith("screening: the work waits: the broker did not answer")


def test_deliveries_go_by_destinations_that_there_are(
    command: Command, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt one is told from one without reports; one that left the settings is known."""
    with database.write() as session:
        scored = add_score(
            session, add_instance(session, "1.2"), add_bundle(session), priority="LOW", covid19=0.1
        )
        add_report(session, scored, old_pacs="parked")
    database.close()
    monkeypatch.setenv("SCREENING_REPORTS_FOLDER", "yes")
    for arguments in (("list", "--destination"), ("retry",), ("give-up", "--yes")):
        status, _, err = command("deliveries", *arguments, "old_pcas")
        assert (status, "old_pacs, reports-folder; found 'old_pcas'" in err) == (2, True)
    status, out, _ = command("deliveries", "give-up", "reports-folder", "--yes")
    assert (status, out) == (0, "0 reports for reports-folder are given up\n")
    status, out, _ = command("deliveries", "give-up", "old_pacs", "--yes")
    assert (status, out) == (0, "1 reports for old_pacs are given up\n")


def test_an_address_that_is_none_is_a_usage_error(command: Command) -> None:
    """`screening send` says what it expected."""
    status, _, err = command("send", "x.dcm", "--to", "localhost", "--aet", "PACS")
    assert (status, "HOST:PORT" in err) == (2, True)
