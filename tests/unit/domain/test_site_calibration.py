"""Ranks, alert budgets, and priorities by a site's own calibration."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.domain.alert_budget import AlertBudget, raised_by, rules_by_rank
from screening.domain.scores import Class, ClassScores
from screening.domain.site_calibration import (
    Interpolated,
    Logistic,
    SiteCalibration,
    highest_of_study,
    rank_curve,
)
from screening.domain.triage import Measure, Priority, TriageRule

BUDGET = AlertBudget({Priority.STAT: 0.05, Priority.HIGH: 0.15, Priority.MEDIUM: 0.3})
scores = st.floats(0, 1)


def calibration_of(studies: Sequence[ClassScores], budget: AlertBudget = BUDGET) -> SiteCalibration:
    """Return a calibration by ranks among these studies."""
    ranks = {klass: rank_curve(study.of(klass) for study in studies) for klass in Class}
    rules = rules_by_rank(budget, ranks, studies)
    return SiteCalibration(name="CR1 version 1", ranks=ranks, curves={}, rules=rules)


def studies_like_covid19(count: int) -> list[ClassScores]:
    """Return studies whose COVID-19 scores are all above any released threshold."""
    covid19 = [0.9 + 0.099 * place / count for place in range(count)]
    return [ClassScores(one, (1 - one) / 2, (1 - one) / 2) for one in covid19]


def test_ranks_are_shares_of_the_sites_studies_and_ties_share_the_highest() -> None:
    """Four studies, two of them alike: known ranks, and straight lines between and beyond."""
    rank = rank_curve([0.2, 0.6, 0.4, 0.6])
    assert [rank(score) for score in (0.2, 0.4, 0.6)] == [0.125, 0.375, 0.875]
    assert rank(0.3) == pytest.approx(0.25)
    assert (rank(0.0), rank(1.0)) == (0.0, 1.0)
    assert rank(0.1) == pytest.approx(0.0625)
    assert rank(0.8) == pytest.approx(0.9375)


@given(st.lists(scores, min_size=1, max_size=40), scores, scores)
def test_a_higher_score_never_has_a_lower_rank(site: list[float], one: float, other: float) -> None:
    """Whatever the site's studies are; ranks stay within 0 and 1."""
    rank = rank_curve(site)
    low, high = sorted((one, other))
    assert 0 <= rank(low) <= rank(high) <= 1


def test_the_budget_is_kept_where_every_score_is_above_the_bundles_thresholds() -> None:
    """Two hundred studies that the bundle calls STAT: 5 %, 20 % and 50 % are raised, no more."""
    studies = studies_like_covid19(200)
    calibration = calibration_of(studies)
    found = [calibration.triage(study).priority for study in studies]
    assert [found.count(one) for one in Priority] == [10, 30, 60, 100]
    assert set(found[-10:]) == {Priority.STAT}


@given(st.permutations(range(1, 61)), st.floats(0.02, 0.3), st.floats(0.02, 0.3))
def test_no_more_studies_are_raised_than_the_budget_allows(
    pneumonia: list[int], stat: float, high: float
) -> None:
    """However the two classes' ranks go together, where no scores are equal."""
    studies = [ClassScores(n / 61, other / 61, 0.0) for n, other in enumerate(pneumonia, start=1)]
    budget = AlertBudget({Priority.STAT: stat, Priority.HIGH: high})
    ranks = {klass: rank_curve(study.of(klass) for study in studies) for klass in Class}
    for raised in raised_by(budget, rules_by_rank(budget, ranks, studies), ranks, studies):
        assert raised.allowed - 1 <= raised.studies <= raised.allowed + 1


def test_studies_alike_are_raised_together() -> None:
    """Where the highest scores are equal none of them is left behind for the budget's sake."""
    studies = [ClassScores(0.99, 0.0, 0.01)] * 20 + studies_like_covid19(80)[:40]
    calibration = calibration_of(studies)
    found = [calibration.triage(study).priority for study in studies]
    assert set(found[:20]) == {Priority.STAT}


def test_pneumonia_can_be_high_by_its_own_rank() -> None:
    """HIGH is of the two classes, at one rank for both; its rule names the class."""
    studies = [ClassScores(place / 100, 1 - place / 100, 0.0) for place in range(100)]
    told = calibration_of(studies).triage(ClassScores(0.0, 0.999, 0.001))
    assert told.priority is Priority.HIGH
    assert told.rule.startswith("Pneumonia score among the highest ")
    assert told.rule.endswith(" % of this site's studies")


def test_a_study_counts_with_its_most_suspicious_image() -> None:
    """Each class by itself, as the most urgent image decides."""
    images = [ClassScores(0.9, 0.05, 0.05), ClassScores(0.1, 0.8, 0.1)]
    assert highest_of_study(images) == ClassScores(0.9, 0.8, 0.1)


def test_recalibrated_probabilities_meet_thresholds_and_ranks_order() -> None:
    """A class without a curve keeps the bundle's probability."""
    ranks = {klass: rank_curve([0.1, 0.9]) for klass in Class}
    rule = TriageRule(Priority.STAT, Class.COVID19, 0.5, Measure.SITE_PROBABILITY)
    calibration = SiteCalibration(
        name="CR1 version 1",
        ranks=ranks,
        curves={Class.COVID19: Logistic(temperature=1.0, offset=-3.0)},
        rules=(rule,),
    )
    sure, unsure = ClassScores(0.99, 0.0, 0.01), ClassScores(0.9, 0.0, 0.1)
    assert calibration.triage(sure).priority is Priority.STAT
    told = calibration.triage(unsure)
    assert (told.priority, told.score) == (Priority.LOW, 0.75)
    assert calibration.recalibrated(sure).of(Class.COVID19) == pytest.approx(0.8313, abs=1e-4)
    assert calibration.recalibrated(sure).of(Class.NORMAL) == 0.01
    assert calibration.recalibrated_in_words(unsure) == "COVID-19 30.9 %"


def test_the_logistic_curve_is_the_softmax_with_a_temperature() -> None:
    """Known values: an offset of 0 and a temperature of 2 halve the log-odds; ends stay finite."""
    curve = Logistic(temperature=2.0, offset=0.0)
    assert curve(0.9) == pytest.approx(0.75)
    assert curve(0.5) == 0.5
    assert 0 < curve(0.0) < 1e-5
    assert 1 - 1e-5 < curve(1.0) < 1


def test_a_curve_is_level_beyond_its_points() -> None:
    """What labels did not reach is not extrapolated."""
    curve = Interpolated((0.2, 0.4), (0.1, 0.3))
    assert [curve(score) for score in (0.0, 0.2, 0.3, 0.4, 1.0)] == pytest.approx(
        [0.1, 0.1, 0.2, 0.3, 0.3]
    )
