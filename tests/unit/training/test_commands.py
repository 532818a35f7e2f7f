"""`screening train`: metrics and data sets on the command line."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from screening.cli.main import app
from tests.training.image_rows import write_picture
from training.data.manifest import read_manifest
from training.errors import DataError

CONFUSION = "true,covid19,normal\nnormal,3,97\ncovid19,9,1\n"


def called(*words: str | Path) -> Result:
    """Run `screening train` with words."""
    return CliRunner().invoke(app, ["train", *map(str, words)])


def test_metrics_in_json(tmp_path: Path) -> None:
    """Exactly the promised document is on standard output."""
    path = tmp_path / "confusion.csv"
    path.write_text(CONFUSION)
    result = called("metrics", path, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["accuracy"] == pytest.approx(106 / 110)
    assert list(found["classes"]) == ["covid19", "normal"]
    assert found["classes"]["covid19"] == {
        "accuracy": pytest.approx(106 / 110),
        "sensitivity": 0.9,
        "specificity": 0.97,
        "precision": 0.75,
        "f1": pytest.approx(18 / 22),
    }


def test_metrics_for_people(tmp_path: Path) -> None:
    """The table has every class, percentages and intervals, and says what is undefined."""
    path = tmp_path / "confusion.csv"
    path.write_text("true,a,b\na,9,1\nb,0,0\n")
    result = called("metrics", path)
    assert result.exit_code == 0
    assert "90.00 (59.58-98.21)" in result.stdout
    assert "undefined" in result.stdout


def test_a_wrong_table_is_an_error_of_ours(tmp_path: Path) -> None:
    """`screening.cli.main.run` turns it into one line."""
    result = called("metrics", tmp_path / "absent.csv")
    assert isinstance(result.exception, DataError)


def test_metrics_load_no_tensorflow(tmp_path: Path) -> None:
    """Reading a table takes no network."""
    path = tmp_path / "confusion.csv"
    path.write_text(CONFUSION)
    code = (
        "import sys; from screening.cli.main import app; "
        f"app(['train', 'metrics', {str(path)!r}], standalone_mode=False); "
        "print('loaded', *[n for n in ('tensorflow', 'keras') if n in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.stdout.splitlines()[-1] == "loaded", ended.stderr


def tree(root: Path) -> Path:
    """Write three images, two of them the same, and a damaged one."""
    for name, seed in (("normal/a.png", 1), ("normal/b.png", 1), ("covid19/c.png", 2)):
        write_picture(root / name, seed)
    (root / "covid19" / "d.png").write_text("no image")
    return root


def test_scan_writes_a_manifest_and_what_is_not_in_it(tmp_path: Path) -> None:
    """The manifest can be read back; damaged and duplicate files are listed beside it."""
    out = tmp_path / "made" / "m.csv"
    result = called("datasets", "scan", tree(tmp_path / "site"), "--out", out)
    assert result.exit_code == 0, result.output
    assert [row.path.name for row in read_manifest(out)] == ["c.png", "a.png", "b.png"]
    with (tmp_path / "made" / "m.set-aside.csv").open(newline="") as file:
        listed = [(Path(row["path"]).name, row["reason"]) for row in csv.DictReader(file)]
    assert listed == [("d.png", "damaged"), ("b.png", "duplicate")]
    assert "3 images (covid19 1, normal 2) in 2 split groups" in result.stdout
    assert "d.png" in result.stdout


def test_scan_counts_in_json(tmp_path: Path) -> None:
    """Counts per class, source, view and split group, for programs."""
    out = tmp_path / "m.csv"
    result = called("datasets", "SCAN", tree(tmp_path / "site"), "--out", out, "--json")
    found = json.loads(result.stdout)
    assert found["labels"] == {"covid19": 1, "normal": 2}
    assert found["sources"] == found["hospitals"] == {"site": 3}
    assert found["views"] == {"unknown": 3}
    assert (found["split_groups"], found["largest_split_group"]) == (2, 2)
    assert (found["set_aside"], found["duplicates"]) == ({"damaged": 1}, 1)
    assert [
        (each["source"], each["label"], each["images"], each["split_groups"])
        for each in found["by_source_and_label"]
    ] == [("site", "covid19", 1, 1), ("site", "normal", 2, 1)]


def test_scan_overwrites_manifests_only(tmp_path: Path) -> None:
    """A data set's own table of the same name is not lost; an older manifest is replaced."""
    site, out = tree(tmp_path / "site"), tmp_path / "manifest.csv"
    out.write_text("file,label\na.png,normal\n")
    result = called("datasets", "scan", site, "--out", out)
    assert isinstance(result.exception, DataError)
    assert out.read_text() == "file,label\na.png,normal\n"
    out.unlink()
    for _ in range(2):
        assert called("datasets", "scan", site, "--out", out).exit_code == 0
