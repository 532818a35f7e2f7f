"""The figures a release is held to, and how large it may be."""

from pathlib import Path

import pytest

from tests.training.predictions import example, predictions
from training.errors import TrainingError
from training.evaluation.acceptance import (
    CALIBRATION,
    SENSITIVITY,
    ReleaseFigure,
    of_the_reference_set,
    release_figures,
)
from training.evaluation.of_runs import ScoredTogether, evaluate_together
from training.inference.combination import Combination, three_class_scores
from training.metrics.classification import Estimate
from training.release.size import check_size
from training.runs.held_out_scores import Predictions


def test_a_bar_is_reached_from_its_side() -> None:
    """Calibration errors are to be low, all else high; what is undefined is neither."""
    assert ReleaseFigure(SENSITIVITY, Estimate(0.96)).reached is True
    assert ReleaseFigure(SENSITIVITY, Estimate(0.95)).reached is False
    assert ReleaseFigure(CALIBRATION, Estimate(0.03)).reached is True
    assert ReleaseFigure(CALIBRATION, Estimate(0.04)).reached is False
    assert ReleaseFigure(CALIBRATION, Estimate(None)).reached is None


def test_the_table_holds_what_was_measured() -> None:
    """Accuracy at equal class sizes: one of two COVID-19, one pneumonia, three of four normals."""
    true = ["covid19"] * 2 + ["pneumonia"] + ["normal"] * 4
    right = [(0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9)]
    rows = [right[0], right[2], right[1], right[0], right[2], right[2], right[2]]
    given = three_class_scores(predictions(true, rows))
    together = ScoredTogether(["one"], [given], given)
    found = evaluate_together(together, [Combination.equal(1)], chosen=True)
    sure = three_class_scores(predictions(["covid19", "normal"], [(1, 0, 0), (0, 0, 1)]))
    all_right = evaluate_together(
        ScoredTogether(["one"], [sure], sure), [Combination.equal(1)], chosen=True
    )
    table = release_figures(all_right, found, None)
    figures = {each.bar.figure: each.measured.value for each in table}
    assert figures["three classes of adults: accuracy at equal class sizes"] == pytest.approx(0.75)
    assert figures["COVID-19 sensitivity"] == 0.5
    assert figures["COVID-19 specificity"] == pytest.approx(4 / 5)
    assert figures["COVID-19 accuracy"] == pytest.approx(5 / 7)
    assert figures["COVID-19 expected calibration error, all test images"] < 1e-9
    assert figures["COVID-19 expected calibration error, adults"] == pytest.approx(1.55 / 7)
    assert figures["ensemble against its best member: accuracy gained"] == 0


def test_the_reference_set_is_of_adults() -> None:
    """COVID-19 of every source; pneumonias and normals of NIH's archive alone."""
    selected = (
        example("1", "covid19", source="covid_cxnet"),
        example("2", "normal", source="nih_cxr8"),
        example("3", "normal", source="kermany224"),
        example("4", "bacterial_pneumonia", source="kermany224"),
        example("5", "pneumonia", source="nih_cxr8"),
        example("6", "pneumonia", source="ieee8023"),
    )
    given = predictions(["normal"] * 6, [(0.2, 0.3, 0.5)] * 6)
    found = of_the_reference_set(Predictions(given.classes, selected, given.probabilities))
    assert [each.split_group for each in found.examples] == ["1", "2", "5"]
    assert found.probabilities.shape == (3, 3)


def test_a_release_keeps_to_its_size(tmp_path: Path) -> None:
    """45 MB a file and what is asked together; the error names the files and the remedy."""
    with (tmp_path / "large.npz").open("wb") as file:
        file.truncate(44_000_000)
    (tmp_path / "small.png").write_bytes(b"1" * 1000)
    check_size(tmp_path)
    with pytest.raises(TrainingError, match=r"large\.npz 44\.0 MB.*--most-megabytes"):
        check_size(tmp_path, most_bytes=44_000_500)
    with (tmp_path / "large.npz").open("wb") as file:
        file.truncate(45_000_001)
    with pytest.raises(TrainingError, match=r"large\.npz: expected at most 45\.0 MB"):
        check_size(tmp_path)
