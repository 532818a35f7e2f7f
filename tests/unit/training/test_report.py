"""The report's page and charts."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from screening.cli.main import app
from tests.training.image_rows import image_row
from training.data.manifest import ImageRow, Label
from training.data.splits import Part
from training.errors import TrainingError
from training.protocols.registry import PROTOCOLS
from training.report.charts import Chart, Line, draw, range_of
from training.runs.folder import RunRecord, write_run
from training.runs.held_out_scores import by_image, predicted, trained_folds
from training.runs.history import EpochRecord, append_record

LABELS = (Label.COVID19, Label.BACTERIAL, Label.VIRAL_OTHER, Label.NORMAL)
FOUR = "khan2020-4class"


def fold_of_four_classes(folder: Path) -> tuple[Path, list[ImageRow]]:
    """Write a run of CoroNet as training leaves it, with weights that are none."""
    protocol = PROTOCOLS[FOUR]
    record = RunRecord(
        protocol=FOUR,
        architecture=protocol.architecture,
        classes=protocol.classes,
        outputs=4,
        height=150,
        width=150,
        value_range=(0.0, 1.0),
        view="whole",
        contrast="as_rendered",
        mirrored=False,
        inner=None,
        lung_field=None,
        left_out=(),
        seed=0,
        precision="float32",
        data_digest="0" * 64,
        preprocessing_fingerprint="p",
        start={},
    )
    write_run(folder, record)
    fold = folder / "fold-2"
    fold.mkdir()
    (fold / "weights.npz").write_bytes(b"weights")
    rows = [
        image_row(f"{label}<&>{n}", label=label, source="a<b>")
        for label in LABELS
        for n in range(6)
    ]
    with (fold / "split.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["pixels_sha256", "class", "part", "phases"])
        for n, row in enumerate(rows):
            part = "train" if n % 6 == 0 else "validation"
            klass = protocol.classes[LABELS.index(row.label)]
            writer.writerow([row.pixels_sha256, klass, part, "1" if part == "train" else ""])
    values = dict.fromkeys((f for f in EpochRecord.__dataclass_fields__), 0.5)
    for epoch in (1, 2):
        numbers = values | {"phase": 1, "epoch": epoch, "images": 4, "best": True}
        append_record(fold / "history.jsonl", EpochRecord(**numbers))  # type: ignore[arg-type]  # numbers throughout
    return folder, rows


def evaluated(folder: Path) -> Path:
    """Return a run with kept scores: all right but one COVID-19 called normal."""
    run, rows = fold_of_four_classes(folder)
    outputs = np.repeat(np.eye(4, dtype=np.float32), 5, axis=0)
    outputs[0] = outputs[-1]
    fold = trained_folds(run)[0]
    predicted(fold, Part.VALIDATION, by_image(rows), lambda _fold, _paths: outputs)
    return run


class Page(HTMLParser):
    """Collects the rows of tables and every address."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell."""
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        """Add text to the cell, if there is one."""
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def test_the_page_has_ours_beside_the_papers(tmp_path: Path) -> None:
    """Table III has our fold 2 under the paper's; nothing else is needed to show the page."""
    run = evaluated(tmp_path / "run")
    out = tmp_path / "report.html"
    result = CliRunner().invoke(
        app, ["train", "report", str(run), "--out", str(out), "--images", "none"]
    )
    assert result.exit_code == 0, result.output
    text = out.read_text()
    page = Page(text)
    place = page.rows.index(["fold 2", "paper", "90.80", "90.70", "96.70", "90.70", "90.00"])
    # Precision 5/5, 5/5, 5/5, 5/6; sensitivity 4/5 and three times 1; accuracy 19/20.
    assert page.rows[place + 1][:5] == ["", "ours", "95.83", "95.00", "98.33"]
    assert page.rows[place + 1][6] == "95.00"
    assert ["overall accuracy", "89.6", "95.00"] in page.rows
    assert page.addresses == []
    assert not {"script", "link", "img"} & page.tags
    assert {"svg", "polyline"} <= page.tags
    assert "a&lt;b&gt;" in text


def test_a_run_that_was_not_evaluated_has_no_report(tmp_path: Path) -> None:
    """The error names the command that makes its scores."""
    run, _ = fold_of_four_classes(tmp_path / "run")
    words = ["train", "report", str(run), "--out", str(tmp_path / "report.html")]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, TrainingError)
    assert "screening train evaluate" in str(result.exception)


def test_answers_of_a_damaged_file_are_refused(tmp_path: Path) -> None:
    """A file cut off in a line says that it must be made again."""
    run = evaluated(tmp_path / "run")
    kept = run / "fold-2" / "predictions-validation.csv"
    kept.write_text(kept.read_text()[:-30])
    result = CliRunner().invoke(app, ["train", "report", str(run), "--out", "x.html"])
    assert isinstance(result.exception, TrainingError)
    assert "evaluate again" in str(result.exception)


def test_a_fold_is_named_by_its_folder(tmp_path: Path) -> None:
    """RUN is all finished folds, RUN/fold-2 that one, RUN/fold-1 an error."""
    run, _ = fold_of_four_classes(tmp_path / "run")
    assert [fold.fold for fold in trained_folds(run)] == [2]
    assert trained_folds(run / "fold-2") == trained_folds(run)
    with pytest.raises(TrainingError, match=re.escape("found those of folds [2]")):
        trained_folds(run / "fold-1")


def test_a_chart_places_points_by_their_values() -> None:
    """The corners of the range are the corners of the frame; names are text, not markup."""
    corners = Line("<b>", [(0, 0), (10, 1)])
    chart = Chart(
        title="t",
        x_label="x",
        y_label="y",
        x_range=(0, 10),
        y_range=(0, 1),
        lines=(corners,),
    )
    assert chart.polyline(corners) == "46.0,222.0 350.0,24.0"
    assert chart.x_ticks == (0, 2, 4, 6, 8, 10)
    assert "&lt;b&gt;" in draw(chart)


def test_a_range_is_never_empty() -> None:
    """No value, one value, or a loss that is no number."""
    assert range_of([]) == (0.0, 1.05)
    assert range_of([0.0]) == (0.0, 1.0)
    assert range_of([float("nan"), 2.0]) == (0.0, 2.1)
