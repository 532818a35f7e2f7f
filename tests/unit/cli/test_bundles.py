"""`screening bundles activate` and `rollback`: what they ask, say and change."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from screening.bundles.registry import load_bundle
from screening.db.bundle_rows import active_bundle
from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.db.tables.decisions import BundleActivation
from screening.db.tables.instances import Bundle, Classification
from screening.settings import Settings, load_settings
from tests.bundles.manifests import write_bundle
from tests.rows.stored import add_instance, add_score
from tests.sites.commands import Command, command_of


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a site with the bundles former, newer and random, untrained."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SCREENING_{name.upper()}", raising=False)
    monkeypatch.setenv("SCREENING_DATA_DIR", str(tmp_path))
    made = load_settings()
    for name in ("former", "newer", "random"):
        write_bundle(made.resolved_bundle_dir / name, name)
        manifest = made.resolved_bundle_dir / name / "manifest.json"
        trained = {"trained": name != "random"}
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **trained}))
    upgrade(made.resolved_database_url)
    return made


@pytest.fixture
def database(settings: Settings) -> Database:
    """Return the site's database."""
    return Database(settings.resolved_database_url)


@pytest.fixture
def command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs `screening bundles ARGUMENTS`: status, output, errors."""
    del settings
    return command_of("bundles", monkeypatch, capsys)


def active(database: Database) -> str | None:
    """Return the name of the active bundle."""
    row = active_bundle(database)
    return row.name if row else None


def add_scores(database: Database, *names: str) -> None:
    """Add an image with a score by each of these bundles, the last standing."""
    with database.write() as session:
        image = add_instance(session, "1.2")
        for name in names:
            bundle = session.scalars(select(Bundle).where(Bundle.name == name)).one()
            add_score(session, image, bundle, priority="LOW", covid19=0.1, report_state="made")


def standing(database: Database) -> list[str]:
    """Return the bundles whose results stand."""
    with database.read() as session:
        rows = session.scalars(
            select(Classification).where(Classification.stands_since.is_not(None))
        )
        return [row.bundle.name for row in rows if row.bundle]


@pytest.mark.parametrize(("answer", "status"), [("", 1), ("n\n", 1), ("y\n", 0)])
def test_an_untrained_bundle_is_asked_about(
    command: Command, database: Database, answer: str, status: int
) -> None:
    """Without an answer, and with No, nothing changes; a script says --yes."""
    command("activate", "former")
    found = command("activate", "random", answer=answer)
    assert found[0] == status
    assert "UNTRAINED: its scores mean nothing" in found[2]
    assert active(database) == ("former" if status else "random")
    assert command("activate", "random", "--yes")[0] == 0
    assert active(database) == "random"
    assert command("activate", "random")[2] == ""


def test_a_trained_bundle_is_not_asked_about(command: Command, database: Database) -> None:
    """Results of it that are there stand at once, and the command says how many."""
    command("activate", "former")
    command("activate", "newer")
    add_scores(database, "former", "newer")
    status, said, _ = command("activate", "former")
    assert (status, standing(database)) == (0, ["former"])
    assert "1 of its earlier results, in 1 studies, are current again" in said


def test_rollback_counts_asks_and_goes_back(command: Command, database: Database) -> None:
    """The count comes before the question; No changes nothing; who did it is on record."""
    command("activate", "former")
    command("activate", "newer")
    add_scores(database, "former", "newer")
    add_scores(database, "newer")
    status, said, _ = command("rollback", answer="n\n")
    assert (status, active(database), standing(database)) == (1, "newer", ["newer", "newer"])
    assert (
        "1 images of 1 studies have a result of former 1, which becomes current again; 1 reports"
        in said
    )
    assert "1 images have none" in said
    assert "Go back to former 1" in said
    assert command("rollback", answer="y\n")[0] == 0
    assert (active(database), sorted(standing(database))) == ("former", ["former", "newer"])
    with database.read() as session:
        rows = session.scalars(select(BundleActivation).order_by(BundleActivation.id)).all()
        assert all(row.activated_by for row in rows)
        assert [row.bundle.name for row in rows] == ["former", "newer", "former"]
    status, _, problem = command("rollback", "--yes")
    assert (status, active(database)) == (2, "former")
    assert "found none to go back to" in problem


def test_rollback_for_scripts(command: Command, database: Database) -> None:
    """With --yes nothing is asked; with --json the counts are JSON."""
    command("activate", "former")
    command("activate", "newer")
    add_scores(database, "former", "newer")
    status, said, _ = command("rollback", "--yes", "--json")
    found = json.loads(said)
    assert (status, active(database)) == (0, "former")
    assert {key: found[key] for key in ("results", "studies", "reports", "without")} == {
        "results": 1,
        "studies": 1,
        "reports": 1,
        "without": 0,
    }


def test_going_back_to_an_untrained_bundle_says_so(command: Command, database: Database) -> None:
    """The one question says it."""
    command("activate", "random", "--yes")
    command("activate", "former")
    status, said, _ = command("rollback", answer="n\n")
    assert (status, active(database)) == (1, "former")
    assert "It is UNTRAINED: its scores mean nothing" in said


@pytest.mark.parametrize("fault", ["gone", "damaged"])
def test_a_bundle_without_its_files_is_no_way_back(
    command: Command, database: Database, settings: Settings, fault: str
) -> None:
    """Nothing changes; the message names the bundle and what to do."""
    command("activate", "former")
    command("activate", "newer")
    folder = settings.resolved_bundle_dir / "former"
    digest = load_bundle(folder).digest
    if fault == "gone":
        shutil.rmtree(folder)
    else:
        (folder / "member-1-of-1.npz").write_bytes(b"other")
    status, _, problem = command("rollback", "--yes")
    assert (status, active(database)) == (2, "newer")
    assert digest[:12] in problem
    assert ("restore them" if fault == "gone" else "get bundle") in problem
