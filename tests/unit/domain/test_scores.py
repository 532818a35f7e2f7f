"""Scores stay probabilities on their way from a member's softmax to the ensemble."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.domain.scores import (
    SCORE_TOLERANCE,
    THRESHOLD_DIGITS,
    Class,
    ClassScores,
    calibrate,
    combine,
    member_scores,
    percent,
)

THREE = ("covid19", "pneumonia", "normal")
FOUR = ("normal", "bacterial_pneumonia", "viral_pneumonia", "covid19")


def softmax_like(size: int) -> st.SearchStrategy[list[float]]:
    """Return probabilities that add up to 1."""
    weights = st.lists(st.floats(1e-6, 1), min_size=size, max_size=size)
    return weights.map(lambda values: [value / sum(values) for value in values])


def total(scores: ClassScores) -> float:
    """Return the sum of the three classes."""
    return sum(scores.as_dict().values())


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        (1.0, "> 99 %"),
        (0.9996, "> 99 %"),
        (0.9901, "> 99 %"),
        (0.99, "99.0 %"),
        (0.874, "87.4 %"),
        (0.01, "1.0 %"),
        (0.0099, "< 1 %"),
        (0.0, "< 1 %"),
    ],
)
def test_people_are_told_no_more_than_can_be_known(probability: float, shown: str) -> None:
    """One decimal, and at both ends only that the score is beyond."""
    assert percent(probability) == shown


@given(probabilities=softmax_like(4), temperature=st.floats(0.1, 10))
def test_a_member_of_four_classes_is_folded_into_three(
    probabilities: list[float], temperature: float
) -> None:
    """Calibrated probabilities add up to 1; the raw ones stay as the network gave them."""
    said = member_scores("coronet", FOUR, probabilities, temperature)
    assert total(said.calibrated) == pytest.approx(1)
    assert said.raw == dict(zip(FOUR, probabilities, strict=True))
    calibrated = calibrate(probabilities, temperature)
    assert said.calibrated.pneumonia == pytest.approx(calibrated[1] + calibrated[2])


@given(probabilities=softmax_like(3))
def test_a_temperature_of_one_changes_nothing(probabilities: list[float]) -> None:
    """Uncalibrated members pass as they are."""
    assert calibrate(probabilities, 1.0) == pytest.approx(probabilities, abs=1e-9)


def test_calibration_is_the_softmax_of_the_softened_logits() -> None:
    """At temperature 2 odds of 4 to 1 become 2 to 1 (Guo et al. 2017)."""
    assert calibrate([0.8, 0.2], 2.0) == pytest.approx([2 / 3, 1 / 3])


@given(probabilities=softmax_like(3), temperature=st.floats(1, 10))
def test_calibration_softens_and_keeps_the_order(
    probabilities: list[float], temperature: float
) -> None:
    """A temperature above 1 lowers the top; it never changes which class is likelier."""
    softened = calibrate(probabilities, temperature)
    assert max(softened) <= max(probabilities) + 1e-9
    order = sorted(range(3), key=probabilities.__getitem__)
    assert all(softened[a] <= softened[b] + 1e-9 for a, b in pairwise(order))


def test_a_class_that_is_certain_can_be_calibrated() -> None:
    """A softmax that came out as exactly 0 and 1 has no logarithm of 0."""
    assert calibrate([1.0, 0.0, 0.0], 2.0)[0] == pytest.approx(1, abs=1e-5)


@given(
    of_members=st.lists(softmax_like(3), min_size=1, max_size=4),
    weights=st.lists(st.floats(0.01, 10), min_size=4, max_size=4),
)
def test_the_ensemble_lies_between_its_members(
    of_members: Sequence[list[float]], weights: list[float]
) -> None:
    """The weighted mean adds up to 1, and no class leaves the range of the members."""
    members = [member_scores(str(n), THREE, p, 1.0) for n, p in enumerate(of_members)]
    combined = combine(members, weights[: len(members)])
    assert total(combined.ensemble) == pytest.approx(1)
    for klass in Class:
        said = [member.calibrated.of(klass) for member in combined.members]
        assert min(said) - 1e-9 <= combined.ensemble.of(klass) <= max(said) + 1e-9


def test_weights_count() -> None:
    """A member with three times the weight has three times the say."""
    members = [member_scores("a", THREE, p, 1.0) for p in ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0])]
    assert combine(members, [3, 1]).ensemble.covid19 == pytest.approx(0.75)


def test_what_people_are_shown_does_not_feel_the_tolerance() -> None:
    """A threshold and a shown digit are tenths of a percent; noise is well below."""
    assert 5 * SCORE_TOLERANCE <= 10**-THRESHOLD_DIGITS
    assert 10**-THRESHOLD_DIGITS == 0.001


def test_a_class_nobody_knows_is_an_error() -> None:
    """A manifest is checked before; a class slipping through does not vanish."""
    with pytest.raises(KeyError):
        member_scores("a", ("covid19", "normal", "fracture"), [0.2, 0.3, 0.5], 1.0)
