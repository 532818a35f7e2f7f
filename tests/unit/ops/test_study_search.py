"""Studies are found by accession number or patient ID, and no patient value is repeated."""

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from screening.cli.main import run
from screening.db.session import Database
from screening.ops.study_search import find_studies
from screening.settings import Settings
from tests.rows.stored import NOON, add_instance

MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(migrated_database: Database) -> Database:
    """Return three studies of two patients; one number is one's accession and another's ID."""
    with migrated_database.write() as session:
        mary, john = {"patient_id": "MARY-1"}, {"patient_id": "ACC-2"}
        add_instance(session, "1.2.1", accession_number="ACC-1", **mary)
        add_instance(session, "1.2.1", accession_number="ACC-1", **mary)
        add_instance(
            session, "1.2.2", accession_number="ACC-2", received_at=NOON + 2 * MINUTE, **mary
        )
        add_instance(session, "1.2.3", accession_number="", received_at=NOON + MINUTE, **john)
    return migrated_database


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ACC-1", [("1.2.1", "accession number", 2)]),
        (" MARY-1 ", [("1.2.1", "patient ID", 2), ("1.2.2", "patient ID", 1)]),
        ("ACC-2", [("1.2.3", "patient ID", 1), ("1.2.2", "accession number", 1)]),
        ("MARY", []),
        ("%", []),
        (" ", []),
        ("A\0C", []),
    ],
)
def test_studies_are_found_by_the_whole_value(
    database: Database, value: str, expected: list[tuple[str, str, int]]
) -> None:
    """Both attributes are looked at, in order of arrival; nothing but the whole value fits."""
    found = find_studies(database, value)
    assert [(one.study_instance_uid, one.found_by, one.images) for one in found] == expected


@pytest.fixture
def trace(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> object:
    """Return a function that runs `screening trace`: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SCREENING_{name.upper()}", raising=False)
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SCREENING_DATABASE_URL", url)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["screening", "trace", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


def test_one_study_is_traced_and_several_are_listed(trace: object) -> None:
    """An accession number of one study leads to its trace; a patient ID of two to their list."""
    assert callable(trace)
    status, out, _ = trace("ACC-1")
    assert status == 0
    assert "trace of 1.2.1" in out
    status, out, _ = trace("MARY-1")
    assert status == 0
    assert out.index("1.2.1") < out.index("1.2.2")
    status, out, _ = trace("MARY-1", "--json")
    listed = json.loads(out)["studies"]
    assert [one["study_instance_uid"] for one in listed] == ["1.2.1", "1.2.2"]


def test_no_patient_value_is_repeated(trace: object) -> None:
    """Neither where studies are found nor where none is, in no form."""
    assert callable(trace)
    for value, status in (("MARY-1", 0), ("ACC-1", 0), ("Nobody^Known", 1)):
        for options in ((), ("--json",)):
            ended, out, err = trace(value, *options)
            assert ended == status
            assert value not in out + err
            assert "Doe" not in out + err
