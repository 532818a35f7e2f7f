"""Temperatures, weights and thresholds, chosen on scores whose best choice is known."""

from dataclasses import replace

import numpy as np
import pytest

from screening.domain.scores import THRESHOLD_DIGITS, Class, combine, member_scores
from screening.domain.triage import Priority
from tests.training.predictions import THREE, predictions
from training.errors import TrainingError
from training.evaluation.triage_thresholds import TARGETS, choose_triage_rules
from training.inference.combination import (
    LEAST_WEIGHT,
    Combination,
    choose_combination,
    choose_temperature,
    combined_scores,
    common_images,
    own_scores,
    three_class_scores,
)
from training.runs.held_out_scores import Predictions

FOUR = ("covid19", "bacterial_pneumonia", "viral_pneumonia", "normal")


def drawn(images: int, temperature: float, *, seed: int = 0) -> Predictions:
    """Return scores that are calibrated once softened by a temperature."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet((0.7, 0.7, 0.7), images)
    true = [THREE[random.choice(3, p=row)] for row in honest]
    sharp = honest**temperature
    return predictions(true, (sharp / sharp.sum(axis=1, keepdims=True)).tolist())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    """Over- and under-confident scores get their own temperature back."""
    assert choose_temperature(drawn(1500, temperature)) == pytest.approx(temperature, rel=0.15)


def test_a_member_that_knows_more_weighs_more_and_none_is_silenced() -> None:
    """Guesses get the least weight beside honest scores to the same images."""
    good = drawn(400, 1.0)
    guesses = replace(good, probabilities=np.full((400, 3), 1 / 3))
    chosen = choose_combination([good, guesses])
    assert chosen.weights[0] > 0.9
    assert LEAST_WEIGHT <= chosen.weights[1] <= LEAST_WEIGHT + 0.03
    assert sum(chosen.weights) == pytest.approx(1)


def test_the_ensemble_is_computed_as_the_stations_do() -> None:
    """Four classes fold into three, calibrated, in the weighted mean."""
    three = predictions(["normal"], [(0.2, 0.3, 0.5)])
    four = predictions(["normal"], [(0.1, 0.2, 0.3, 0.4)], FOUR)
    found = combined_scores([three, four], Combination((2.0, 0.5), (0.3, 0.7)))
    scores = [
        member_scores("a", THREE, (0.2, 0.3, 0.5), 2.0),
        member_scores("b", FOUR, (0.1, 0.2, 0.3, 0.4), 0.5),
    ]
    expected = combine(scores, (0.3, 0.7)).ensemble
    assert found.probabilities[0].tolist() == pytest.approx([expected.of(k) for k in Class])


def test_members_are_compared_on_the_images_they_share() -> None:
    """Other images are left out; the order is the first member's; none at all is an error."""
    first = predictions(["normal", "covid19", "pneumonia"], np.eye(3).tolist())
    second = Predictions(THREE, first.examples[:0:-1], first.probabilities[:0:-1])
    one, other = common_images([first, second])
    assert one.examples == other.examples
    expected = [each.pixels_sha256 for each in first.examples[1:]]
    assert [each.pixels_sha256 for each in one.examples] == expected
    assert {each.training_images_of_source for each in one.examples} == {20}
    np.testing.assert_array_equal(other.probabilities, first.probabilities[1:])
    with pytest.raises(TrainingError, match="images of this part in common"):
        common_images([first, Predictions(THREE, (), np.empty((0, 3)))])


def test_nothing_is_chosen_on_patients_that_were_trained_on() -> None:
    """One such image stops the choice."""
    found = drawn(20, 1.0)
    leaking = replace(found.examples[0], group_in_training=True)
    with pytest.raises(TrainingError, match="found 1 others"):
        choose_combination([replace(found, examples=(leaking, *found.examples[1:]))])


def test_a_network_of_other_classes_is_no_member() -> None:
    """COVID-19 against all others does not add up to three classes."""
    with pytest.raises(TrainingError, match="expected classes that add up"):
        three_class_scores(predictions(["covid19"], [(0.4, 0.6)], ("covid19", "other")))


def test_thresholds_keep_what_the_table_wants_of_them() -> None:
    """On the images they were chosen on, each reaches its sensitivity or specificity."""
    images = own_scores(drawn(600, 1.0))
    for rule, target in zip(choose_triage_rules(images), TARGETS, strict=True):
        place = images.classes.index(target.klass)
        called = images.probabilities[:, place].round(THRESHOLD_DIGITS) >= rule.at_least
        positive = images.true == place
        share = called[positive].mean() if target.wanted == "sensitivity" else None
        reached = (~called[~positive]).mean() if share is None else share
        assert reached >= target.at_least or rule.at_least in {target.lowest, target.highest}
        assert target.lowest <= rule.at_least <= target.highest


def test_perfectly_parted_classes_leave_thresholds_within_bounds() -> None:
    """Specificity is had at any threshold: the lowest one allowed is taken."""
    images = own_scores(predictions(THREE * 20, np.eye(3).tolist() * 20))
    rules = {(rule.priority, rule.klass): rule.at_least for rule in choose_triage_rules(images)}
    assert rules[Priority.STAT, Class.COVID19] == 0.5
    assert rules[Priority.HIGH, Class.COVID19] == 0.5
    assert rules[Priority.MEDIUM, Class.COVID19] == 0.3


def test_a_class_without_validation_images_is_refused() -> None:
    """Its threshold could be anything."""
    with pytest.raises(TrainingError, match="sensitivity of covid19"):
        choose_triage_rules(own_scores(predictions(["normal"], [(0.1, 0.1, 0.8)])))
