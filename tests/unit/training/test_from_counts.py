"""The papers' figures from counts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics.confusion import ConfusionMatrix
from training.metrics.from_counts import (
    ClassFigures,
    OneVersusRest,
    class_figures,
    figures,
    figures_json,
    macro_average,
    one_versus_rest,
)

MATRICES = st.integers(1, 4).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 50), min_size=size, max_size=size).map(tuple),
        min_size=size,
        max_size=size,
    ).map(lambda rows: ConfusionMatrix(tuple("abcd"[:size]), tuple(rows)))
)


def test_each_figure_is_its_equation() -> None:
    """rahimzadeh2020 equations 1 to 4, and F1 as the harmonic mean."""
    found = class_figures(OneVersusRest(8, 2, 4, 86))
    assert found == ClassFigures(
        accuracy=0.94, sensitivity=0.8, specificity=86 / 90, precision=8 / 12, f1=16 / 22
    )
    assert found.f1 == pytest.approx(2 / (1 / 0.8 + 12 / 8))


def test_json_has_exactly_the_promised_shape() -> None:
    """Fractions by class, null where nothing is to divide by."""
    matrix = ConfusionMatrix(("a", "b"), ((3, 0), (0, 0)))
    assert json.loads(figures_json(figures(matrix))) == {
        "accuracy": 1.0,
        "classes": {
            "a": {
                "accuracy": 1.0,
                "sensitivity": 1.0,
                "specificity": None,
                "precision": 1.0,
                "f1": 1.0,
            },
            "b": {
                "accuracy": 1.0,
                "sensitivity": None,
                "specificity": 1.0,
                "precision": None,
                "f1": None,
            },
        },
    }


def test_nothing_counted_gives_nothing() -> None:
    """An empty matrix has no figure at all, and no division by zero."""
    found = figures(ConfusionMatrix(("a", "b"), ((0, 0), (0, 0))))
    assert found.accuracy is None
    assert set(found.classes.values()) == {ClassFigures(None, None, None, None, None)}


def test_the_macro_average_is_undefined_where_a_class_is() -> None:
    """A class that never occurs must not raise the mean silently."""
    one = ClassFigures(0.9, 0.8, 1.0, 0.5, 0.6)
    other = ClassFigures(0.7, 0.4, 0.5, None, 0.2)
    found = macro_average([one, other])
    assert found.sensitivity == pytest.approx(0.6)
    assert found.precision is None
    assert macro_average([]).accuracy is None


@given(MATRICES)
def test_the_four_counts_of_a_class_are_all_images(matrix: ConfusionMatrix) -> None:
    """One against the rest splits all images; misses and false alarms balance over classes."""
    counts = one_versus_rest(matrix).values()
    total = sum(map(sum, matrix.counts))
    assert {each.images for each in counts} == {total}
    assert sum(e.false_negative for e in counts) == sum(e.false_positive for e in counts)
    assert min(e.true_negative for e in counts) >= 0


@given(MATRICES)
def test_figures_are_fractions(matrix: ConfusionMatrix) -> None:
    """Every figure lies from 0 to 1 or is undefined."""
    found = figures(matrix)
    for each in found.classes.values():
        for name in ClassFigures.__dataclass_fields__:
            value = getattr(each, name)
            assert value is None or 0 <= value <= 1


@given(MATRICES)
def test_overall_accuracy_is_the_mean_sensitivity_weighted_by_images(
    matrix: ConfusionMatrix,
) -> None:
    """The overall figure and those of the classes are about the same images."""
    found, counts = figures(matrix), one_versus_rest(matrix)
    hits = sum(
        (found.classes[name].sensitivity or 0) * (each.true_positive + each.false_negative)
        for name, each in counts.items()
    )
    total = sum(map(sum, matrix.counts))
    assert (found.accuracy or 0) * total == pytest.approx(hits)
