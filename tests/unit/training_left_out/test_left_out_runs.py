"""`screening train evaluate --leave-out-hospital`, on runs that keep their scores."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from screening.bundles.registry import RELEASED_DIRECTORY, find_bundles
from screening.cli.main import app
from tests.training.left_out_predictions import rows_of, run_without_weights
from training.data.manifest import ImageRow, Label, write_manifest
from training.data.splits import Part
from training.errors import TrainingError
from training.evaluation.measurements import LEFT_OUT_NAME, SITE_LEVELS_NAME
from training.evaluation.of_runs import RunsEvaluation
from training.report.model_card import MeasuredLater, model_card
from training.report.page import ReportExtras, write_report

COUNTS = {Label.COVID19: 24, Label.NORMAL: 24, Label.BACTERIAL: 24, Label.TUBERCULOSIS: 24}


@pytest.fixture
def rows() -> list[ImageRow]:
    """Images of three hospitals."""
    return [row for name in ("a", "b", "c") for row in rows_of(name, COUNTS)]


def told(*arguments: object) -> dict:
    """Return what the command prints as JSON."""
    result = CliRunner().invoke(app, ["train", "evaluate", *map(str, arguments), "--json"])
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)


def test_each_run_tells_the_hospital_it_left_out(tmp_path: Path, rows: list[ImageRow]) -> None:
    """Kept scores are enough; tuberculosis counts as another disease; the table is written."""
    write_manifest(tmp_path / "m.csv", rows)
    runs = [run_without_weights(tmp_path / name, rows, name) for name in ("a", "b")]
    found = told(
        *runs, "--data", tmp_path / "m.csv", "--leave-out-hospital", "--out", tmp_path / "out"
    )
    assert [each["hospital"] for each in found["hospitals"]] == ["a", "b"]
    assert found["hospitals"][0]["images"] == {"covid19": 24, "normal": 24, "other": 48}
    for figure in found["hospitals"][0]["figures"].values():
        assert figure["value"] == pytest.approx(1.0)
    assert [each["reached"] for each in found["figures"]] == [True] * 5
    assert json.loads((tmp_path / "out" / LEFT_OUT_NAME).read_text()) == found


def test_runs_that_left_out_the_same_are_one_ensemble(tmp_path: Path, rows: list[ImageRow]) -> None:
    """A member that is often wrong is outvoted by one that is right."""
    write_manifest(tmp_path / "m.csv", rows)
    wrong = run_without_weights(tmp_path / "wrong", rows, "a", wrong=0.6)
    right = run_without_weights(tmp_path / "right", rows, "a")
    predictor = ("--data", tmp_path / "m.csv", "--leave-out-hospital")
    alone, together = told(wrong, *predictor), told(wrong, right, *predictor)
    assert len(together["hospitals"]) == 1
    name = "COVID-19 against normal, AUC"
    assert alone["mean"][name]["value"] < 0.9 < together["mean"][name]["value"]


def test_card_and_report_tell_it_first(tmp_path: Path, rows: list[ImageRow]) -> None:
    """The table of hospitals left out stands before every other figure, with its bars."""
    write_manifest(tmp_path / "m.csv", rows)
    runs = [run_without_weights(tmp_path / name, rows, name) for name in ("a", "b")]
    found = told(*runs, "--data", tmp_path / "m.csv", "--leave-out-hospital")
    (released,) = find_bundles([RELEASED_DIRECTORY])
    card = model_card(released.manifest, MeasuredLater(left_out=found))
    headings = [line for line in card.splitlines() if line.startswith("## ")]
    assert headings[1:3] == ["## At hospitals that it never saw", "## At hospitals left out"]
    assert "Not measured: `screening train evaluate --bundle BUNDLE --site-levels 100" in card
    assert "| a | 24, 24, 48 | 100.0 %" in card
    assert "\n| mean | | 100.0 %" in card
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / LEFT_OUT_NAME).write_text(json.dumps(found))
    nothing = RunsEvaluation(part=Part.TEST, runs=(), ensemble=None)
    write_report(tmp_path / "r.html", nothing, ReportExtras((), tmp_path / "bundle"))
    page = (tmp_path / "r.html").read_text()
    headings = re.findall("<h2>(.*)</h2>", page)
    assert headings[:2] == ["At hospitals that it never saw", "At hospitals left out"]
    assert '<p class="warning">Not measured. Nothing below' in page
    assert "<tr><th>a</th><td>24</td><td>24</td><td>48</td><td>100.00" in page


def test_card_and_report_tell_first_what_a_bundle_does_where_it_never_was(
    tmp_path: Path, rows: list[ImageRow]
) -> None:
    """Each bar and each hospital, as rendered and with the site's grey-level curve."""
    write_manifest(tmp_path / "m.csv", rows)
    data = ("--data", tmp_path / "m.csv", "--leave-out-hospital")
    rendered = told(run_without_weights(tmp_path / "1", rows, "a", wrong=0.6), *data)
    curved = told(run_without_weights(tmp_path / "2", rows, "a"), *data)
    (released,) = find_bundles([RELEASED_DIRECTORY])
    found = {
        "bundle": released.identity,
        "how": "Twice.",
        "as_rendered": rendered,
        "with_curve": curved,
    }
    card = model_card(released.manifest, MeasuredLater(never_seen=found))
    headings = [line for line in card.splitlines() if line.startswith("## ")]
    assert headings[:2] == ["## Limits of use", "## At hospitals that it never saw"]
    area = "COVID-19 against normal, AUC"
    before = rendered["mean"][area]
    shown = " %% (%.1f-%.1f)" % (100 * before["low"], 100 * before["high"])  # noqa: UP031
    row = f"| {area}, mean over hospitals left out | at least 90 % | {100 * before['value']:.1f}"
    assert f"{row}{shown} | **not reached** | 100.0 % (100.0-100.0) | reached |" in card
    assert card.count("\n| a | 24, 24, 48 |") == 2
    assert "of normals stay LOW or MEDIUM: until a site has calibrated" in card
    assert "Means of COVID-19 against normal are over a.\n" in card
    assert "\n\n\n" not in card
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / SITE_LEVELS_NAME).write_text(json.dumps(found))
    nothing = RunsEvaluation(part=Part.TEST, runs=(), ensemble=None)
    write_report(tmp_path / "r.html", nothing, ReportExtras((), tmp_path / "bundle"))
    page = (tmp_path / "r.html").read_text()
    assert page.index("<h2>") == page.index("<h2>At hospitals that it never saw")
    assert page.count("<tr><th>a</th><td>24</td><td>24</td><td>48</td>") == 2
    assert "percent of normals stay LOW or MEDIUM" in page
    assert "<td>not reached</td><td>100.00 (100.00-100.00)</td><td>reached</td>" in page


def test_a_run_that_left_out_nothing_is_refused(tmp_path: Path, rows: list[ImageRow]) -> None:
    """Its figures would be those of hospitals it learned from."""
    write_manifest(tmp_path / "m.csv", rows)
    run = run_without_weights(tmp_path / "all", rows, "a")
    split = run / "fold-1" / "split.csv"
    lines = split.read_text().splitlines()
    split.write_text("\n".join([*lines[:1], lines[1].replace("test", "train"), *lines[2:]]) + "\n")
    with pytest.raises(TrainingError, match=r"left out a hospital, found .*--leave-out HOSPITAL"):
        told(run, "--data", tmp_path / "m.csv", "--leave-out-hospital")


def test_a_folder_without_answers_is_refused(tmp_path: Path, rows: list[ImageRow]) -> None:
    """The error names what is missing."""
    write_manifest(tmp_path / "m.csv", rows)
    run = run_without_weights(tmp_path / "run", rows, "a")
    (run / "fold-1" / "predictions-test.csv").unlink()
    with pytest.raises(TrainingError, match="expected trained weights or kept scores"):
        told(run, "--data", tmp_path / "m.csv", "--leave-out-hospital")


def test_the_table_on_the_terminal_says_who_lent(tmp_path: Path, rows: list[ImageRow]) -> None:
    """A hospital without normals is compared with another's, which is said."""
    rows = [row for row in rows if (row.hospital, row.label) != ("a", Label.NORMAL)]
    write_manifest(tmp_path / "m.csv", rows)
    runs = [run_without_weights(tmp_path / name, rows, name) for name in ("a", "b")]
    arguments = ["train", "evaluate", *map(str, runs), "--data", str(tmp_path / "m.csv")]
    result = CliRunner().invoke(app, [*arguments, "--leave-out-hospital"])
    assert result.exit_code == 0, result.output
    assert "a, COVID-19 against normal, AUC: compared with images of b 24" in result.stdout
