"""The papers' own tables come out of the papers' own counts."""

import math
from collections.abc import Iterator, Mapping
from statistics import mean

import pytest

from training.metrics.confusion import ConfusionMatrix
from training.metrics.from_counts import (
    OneVersusRest,
    class_figures,
    figures,
    macro_average,
)
from training.report.published_results import (
    KHAN_TABLE_3,
    KHAN_TABLE_4,
    KHAN_TABLE_6,
    RAHIMZADEH_TABLE_3,
    RAHIMZADEH_TABLE_4,
    KhanPercentages,
    RahimzadehCounts,
    RahimzadehPercentages,
)

KHAN_TABLE_1_IMAGES = {
    "covid19": 284,
    "normal": 310,
    "bacterial_pneumonia": 330,
    "viral_pneumonia": 327,
}
FIGURES = ("sensitivity", "specificity", "accuracy", "precision")
BEYOND_TOLERANCE: frozenset[tuple[int | None, str, str, int]] = frozenset()
"""Cells (fold, network, figure, class) further than 0.02 from ours: the search found none."""
TRUNCATED_CELLS = 54
TRUNCATED_AVERAGES = 10
"""Cells that the paper cuts off after two decimals where rounding gives another digit."""

KHAN_POOLED = ConfusionMatrix(
    tuple(KHAN_TABLE_1_IMAGES),
    ((279, 1, 2, 2), (4, 290, 4, 12), (5, 4, 284, 37), (11, 10, 37, 269)),
)
"""A matrix over all four folds that agrees with table I (rows) and table IV (hits and false alarms
of each class); how mistakes spread between two classes is made up, no figure depends on it."""

Cell = tuple[int | None, str, str, int]


def ours(row: RahimzadehCounts) -> dict[tuple[str, int], float]:
    """Return the percentages that our code makes of a row of table 3."""
    classes = (row.covid19, row.pneumonia, row.normal)
    images = sum(each.correct + each.not_detected for each in classes)
    found = {("overall accuracy", 0): 100 * sum(each.correct for each in classes) / images}
    for index, each in enumerate(classes):
        rest = images - each.correct - each.not_detected - each.wrong
        of_class = class_figures(OneVersusRest(each.correct, each.not_detected, each.wrong, rest))
        found |= {(name, index): 100 * (getattr(of_class, name) or 0.0) for name in FIGURES}
    return found


def printed(row: RahimzadehPercentages) -> dict[tuple[str, int], float]:
    """Return the percentages of a row of table 4."""
    triples = {(name, i): value for name in FIGURES for i, value in enumerate(getattr(row, name))}
    return {("overall accuracy", 0): row.overall_accuracy, **triples}


def cells() -> Iterator[tuple[Cell, float, float]]:
    """Yield every cell of table 4 with our value and the paper's."""
    by_network: dict[str, list[dict[tuple[str, int], float]]] = {}
    for row in RAHIMZADEH_TABLE_3:
        by_network.setdefault(row.network, []).append(ours(row))
    for row in RAHIMZADEH_TABLE_4:
        folds = by_network[row.network]
        for key, value in printed(row).items():
            found = mean(f[key] for f in folds) if row.fold is None else folds[row.fold - 1][key]
            yield (row.fold, row.network, *key), found, value


def test_table_3_counts_agree_with_each_other() -> None:
    """Every fold has the images of section 2.3, and as many misses as false alarms."""
    for row in RAHIMZADEH_TABLE_3:
        classes = (row.covid19, row.pneumonia, row.normal)
        images = [each.correct + each.not_detected for each in classes]
        assert images == [30 if row.fold == 3 else 31, 4420, 6851]
        assert sum(e.not_detected for e in classes) == sum(e.wrong for e in classes)


def test_table_4_comes_out_of_table_3() -> None:
    """All 234 cells, averages among them, agree within 0.02 percentage points."""
    found = list(cells())
    assert len(found) == 18 * 13
    beyond = {cell for cell, value, paper in found if abs(value - paper) > 0.02}
    assert beyond == BEYOND_TOLERANCE


def test_the_paper_rounds_or_cuts_off() -> None:
    """Where a cell is not ours rounded to two decimals, it is ours cut off after two."""
    differing = [(cell, value, paper) for cell, value, paper in cells() if round(value, 2) != paper]
    assert all(math.floor(100 * value + 1e-9) / 100 == paper for _, value, paper in differing)
    averages = sum(fold is None for (fold, *_), _, _ in differing)
    assert (len(differing) - averages, averages) == (TRUNCATED_CELLS, TRUNCATED_AVERAGES)


def test_khan_table_4_comes_out_of_a_confusion_matrix() -> None:
    """Within 0.35 points: the paper averages four folds, the matrix pools them."""
    assert [sum(row) for row in KHAN_POOLED.counts] == list(KHAN_TABLE_1_IMAGES.values())
    found = figures(KHAN_POOLED)
    for name, paper in KHAN_TABLE_4.items():
        of_class = found.classes[name]
        assert of_class.precision == pytest.approx(paper.precision / 100, abs=0.0035)
        assert of_class.sensitivity == pytest.approx(paper.recall / 100, abs=0.0035)
        assert of_class.specificity == pytest.approx(paper.specificity / 100, abs=0.0035)
        assert of_class.f1 == pytest.approx(paper.f_measure / 100, abs=0.0035)


def test_khan_table_3_averages_are_macro_averages() -> None:
    """The average line is the mean over classes, and 89.6 % the overall accuracy."""
    found, paper = figures(KHAN_POOLED), KHAN_TABLE_3["average"]
    macro = macro_average(list(found.classes.values()))
    assert found.accuracy == pytest.approx((paper.accuracy or 0) / 100, abs=0.002)
    assert macro.precision == pytest.approx(paper.precision / 100, abs=0.002)
    assert macro.sensitivity == pytest.approx(paper.recall / 100, abs=0.002)
    assert macro.specificity == pytest.approx(paper.specificity / 100, abs=0.002)


@pytest.mark.parametrize(("table", "points"), [(KHAN_TABLE_4, 0.1), (KHAN_TABLE_6, 0.7)])
def test_khan_f_measures_are_harmonic_means(
    table: Mapping[str, KhanPercentages], points: float
) -> None:
    """The printed F-measure follows from printed precision and recall; table VI is in integers."""
    for name, row in table.items():
        if name != "average":
            harmonic = 2 * row.precision * row.recall / (row.precision + row.recall)
            assert harmonic == pytest.approx(row.f_measure, abs=points)
