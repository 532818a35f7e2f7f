"""Figures of the ensemble by what readers found."""

import pytest

from screening.domain.observed import Figure, Target, observed
from screening.domain.reading import Label, agrees, called_class
from screening.domain.scores import Class

STUDIES = {
    (Label.COVID19, Class.COVID19): 8,
    (Label.COVID19, Class.PNEUMONIA): 1,
    (Label.COVID19, None): 1,
    (Label.PNEUMONIA, Class.PNEUMONIA): 4,
    (Label.NORMAL, None): 60,
    (Label.NORMAL, Class.COVID19): 2,
    (Label.OTHER_ABNORMAL, Class.PNEUMONIA): 4,
    (Label.OTHER_ABNORMAL, None): 20,
}


@pytest.mark.parametrize(
    ("figure", "target", "right", "studies"),
    [
        (Figure.SENSITIVITY, Target.COVID19, 8, 10),
        (Figure.SENSITIVITY, Target.PNEUMONIA, 4, 4),
        (Figure.SENSITIVITY, Target.DISEASE, 13, 14),
        (Figure.SPECIFICITY, Target.COVID19, 88, 90),
        (Figure.SPECIFICITY, Target.DISEASE, 80, 86),
        (Figure.POSITIVE_PREDICTIVE_VALUE, Target.COVID19, 8, 10),
        (Figure.POSITIVE_PREDICTIVE_VALUE, Target.DISEASE, 13, 19),
        (Figure.NEGATIVE_PREDICTIVE_VALUE, Target.DISEASE, 80, 81),
    ],
)
def test_each_figure_counts_its_studies(
    figure: Figure, target: Target, right: int, studies: int
) -> None:
    """By hand, from a table of a hundred studies; an interval holds its figure."""
    found = next(one for one in observed(STUDIES) if (one.figure, one.target) == (figure, target))
    assert (found.right, found.studies) == (right, studies)
    assert found.interval.low < found.value <= found.interval.high


def test_what_is_of_no_study_is_not_told() -> None:
    """Without feedback there is no figure; with one label there are those that it allows."""
    assert observed({}) == []
    found = {(one.figure, one.target) for one in observed({(Label.NORMAL, None): 3})}
    assert {figure for figure, _ in found} == {
        Figure.SPECIFICITY,
        Figure.NEGATIVE_PREDICTIVE_VALUE,
    }


@pytest.mark.parametrize(
    ("label", "called", "expected"),
    [
        (Label.COVID19, Class.COVID19, True),
        (Label.PNEUMONIA, Class.COVID19, False),
        (Label.OTHER_ABNORMAL, Class.PNEUMONIA, False),
        (Label.NORMAL, None, True),
        (Label.OTHER_ABNORMAL, None, True),
        (Label.PNEUMONIA, None, False),
        (Label.NORMAL, Class.NORMAL, True),
    ],
)
def test_a_class_agrees_with_what_was_called(
    label: Label, called: Class | None, expected: object
) -> None:
    """Where nothing was called, neither disease was found, and other findings do not contradict."""
    assert agrees(label, called) is expected


def test_a_rules_words_name_its_class() -> None:
    """As `screening.domain.triage` writes them."""
    assert called_class("Normal probability at least 50 %") is Class.NORMAL
    assert called_class("") is None
