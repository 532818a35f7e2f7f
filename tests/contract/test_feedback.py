"""Readers' feedback: kept, counted, told in metrics, exported; on both database systems."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from screening.calibration.labels import read_labels
from screening.cli.main import app
from screening.db.clock import utc_now
from screening.db.feedback import feedback_on_active_bundle, labelled_studies
from screening.db.session import Database
from screening.domain.reading import Label
from screening.domain.scores import Class
from screening.ops.correction_decisions import accept_correction
from screening.ops.reading.claims import claim_study
from screening.settings import Settings
from screening.spool.store import Spool
from tests.rows.readings import OTTO, RITA, add_study, entry_of, read_by
from tests.rows.resending import CORRECTED, corrections, image, resend
from tests.sites.web_app import Client, make_app

FOUND = {
    "1.1": Label.COVID19,
    "1.2": Label.NORMAL,
    "1.3": Label.PNEUMONIA,
    "1.4": Label.OTHER_ABNORMAL,
}


@pytest.fixture
def read_studies(database: Database) -> Database:
    """Return two studies called COVID-19, two not called, all read, with feedback."""
    for study, label in FOUND.items():
        add_study(database, study, "LOW" if study in {"1.3", "1.4"} else "STAT", 0.4)
        read_by(database, study, label=label)
    return database


def run(database: Database, monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> str:
    """Run a command on the database and return what it prints."""
    monkeypatch.setenv("SCREENING_DATA_DIR", str(folder))
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SCREENING_DATABASE_URL", url)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_newest_feedback_counts(read_studies: Database) -> None:
    """Of each study one class, by what the active bundle called it; the older ones are kept."""
    assert feedback_on_active_bundle(read_studies) == {
        (Label.COVID19, Class.COVID19): 1,
        (Label.NORMAL, Class.COVID19): 1,
        (Label.PNEUMONIA, None): 1,
        (Label.OTHER_ABNORMAL, None): 1,
    }
    add_study(read_studies, "1.2", "STAT", 0.5)
    read_by(read_studies, "1.2", RITA, Label.COVID19)
    assert feedback_on_active_bundle(read_studies) == {
        (Label.COVID19, Class.COVID19): 2,
        (Label.PNEUMONIA, None): 1,
        (Label.OTHER_ABNORMAL, None): 1,
    }


def test_metrics_tell_observed_figures(read_studies: Database, tmp_path: Path) -> None:
    """With intervals; their labels are few and name no reader and no study."""
    text = Client(make_app(read_studies, Settings(data_dir=tmp_path))).get("/metrics").text
    told = {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith(("screening_observed", "screening_feedback", "screening_open_claims"))
    }
    name = 'screening_observed{bound="%s",figure="sensitivity",target="disease"}'
    assert [told[name % bound] for bound in ("low", "value", "high")] == pytest.approx(
        [0.0945, 0.5, 0.9055], abs=1e-3
    )
    assert told['screening_observed_studies{figure="sensitivity",target="disease"}'] == 2
    assert told['screening_feedback_studies{label="other_abnormal"}'] == 1
    assert told["screening_open_claims"] == 0
    assert len(told) <= 4 * 3 * 4 + len(Label) + 1
    assert not {"rita", "1.1"} & set(text.replace('"', " ").split())


def test_the_export_has_a_label_a_study(
    read_studies: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UIDs and classes alone; a file is never overwritten."""
    said = run(read_studies, monkeypatch, tmp_path, "feedback", "export", "--since", "1h")
    rows = list(csv.DictReader(io.StringIO(said)))
    assert rows == [
        {"study_instance_uid": study, "label": label.value} for study, label in FOUND.items()
    ]
    file = tmp_path / "labels.csv"
    words = ("feedback", "export", "--to", str(file))
    assert run(read_studies, monkeypatch, tmp_path, *words).startswith("4 labels written")
    assert file.read_text(encoding="utf-8") == said
    read = read_labels(file)
    assert {one.value: one.klass for one in read.labels} == FOUND
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 1
    assert "expected a new file" in str(again.exception)
    assert list(labelled_studies(read_studies, utc_now() + timedelta(hours=1))) == []


def test_commands_show_figures_and_release_claims(
    read_studies: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As operators use them, in a table and as JSON."""
    said = run(read_studies, monkeypatch, tmp_path, "feedback", "show")
    assert "studies with feedback that the active bundle scored: 4" in said
    assert "1 of 2" in said
    assert '"figure": "sensitivity"' in run(
        read_studies, monkeypatch, tmp_path, "feedback", "show", "--json"
    )
    add_study(read_studies, "1.9", "STAT")
    claim_study(read_studies, "1.9", RITA)
    assert "rita" in run(read_studies, monkeypatch, tmp_path, "claims", "list")
    assert '"claimed_by": "rita"' in run(
        read_studies, monkeypatch, tmp_path, "claims", "list", "--json"
    )
    said = run(read_studies, monkeypatch, tmp_path, "claims", "release", "1.9")
    assert said == "the claim of rita is released\n"
    assert entry_of(read_studies, "1.9").reader is None
    add_study(read_studies, "1.8", "LOW")
    claim_study(read_studies, "1.9", RITA)
    words = ("claims", "mark-read", "--before", "1d", "--yes")
    said = run(read_studies, monkeypatch, tmp_path, *words)
    assert said == "studies marked as read: 1\n"
    assert (entry_of(read_studies, "1.8").reading, entry_of(read_studies, "1.9").reading) == (
        "read",
        "claimed",
    )


def test_a_correction_brings_a_read_study_back(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """Its patient data differ from those that were read; what was found stands, and is told."""
    resend(database, spool, bundle_id, image())
    study = "1.2.3.1"
    read_by(database, study, OTTO, Label.COVID19)
    resend(database, spool, bundle_id, image(**CORRECTED))
    assert entry_of(database, study).reading == "read"
    accept_correction(database, corrections(database)[0].id, by="ann")
    assert (entry_of(database, study).reading, entry_of(database, study).returned) == (
        "unread",
        True,
    )
    assert [one.study_instance_uid for one in labelled_studies(database, None)] == [study]


def test_a_correction_into_another_study_leaves_its_label_behind(
    database: Database, spool: Spool, bundle_id: int
) -> None:
    """The record of the reading stays with the study that was read; its label is of no image."""
    resend(database, spool, bundle_id, image())
    read_by(database, "1.2.3.1", OTTO, Label.COVID19)
    resend(database, spool, bundle_id, image(StudyInstanceUID="1.2.3.9", **CORRECTED))
    accept_correction(database, corrections(database)[0].id, by="ann")
    assert entry_of(database, "1.2.3.9").reading == "unread"
    assert list(labelled_studies(database, None)) == []
