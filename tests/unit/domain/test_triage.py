"""From scores to a priority."""

from hypothesis import given
from hypothesis import strategies as st

from screening.domain.scores import SCORE_TOLERANCE, Class, ClassScores, combine, member_scores
from screening.domain.triage import NO_RULE, Priority, TriageRule, triage

RULES = (
    TriageRule(Priority.MEDIUM, Class.PNEUMONIA, 0.5),
    TriageRule(Priority.HIGH, Class.COVID19, 0.3),
    TriageRule(Priority.STAT, Class.COVID19, 0.7),
)
probability = st.floats(0, 1)
rules = st.lists(
    st.builds(TriageRule, st.sampled_from(Priority), st.sampled_from(Class), probability)
)


def test_the_most_urgent_rule_wins_wherever_it_stands() -> None:
    """Three rules apply; the priority and the words are those of the highest."""
    found = triage(ClassScores(0.7, 0.55, 0.0), RULES)
    assert (found.priority, found.rule) == (
        Priority.STAT,
        "COVID-19 probability at least 70 %",
    )


def test_a_threshold_is_reached_at_its_value() -> None:
    """At least means at least."""
    assert triage(ClassScores(0.3, 0.0, 0.7), RULES).priority is Priority.HIGH
    assert triage(ClassScores(0.2994, 0.0, 0.7), RULES).priority is Priority.LOW


def test_the_last_digits_of_a_sum_decide_nothing() -> None:
    """A hair beside a threshold on either side: one priority; the order keeps every digit."""
    noisy = (0.7, 0.7 - 3e-8, 0.7 + 3e-8, 0.7 - SCORE_TOLERANCE, 0.7 + SCORE_TOLERANCE)
    said = [member_scores("a", tuple(Class), (p, 0.0, 1 - p), 1.0) for p in noisy]
    scores = [combine([one], [1.0]).ensemble for one in said]
    assert {triage(one, RULES).priority for one in scores} == {Priority.STAT}
    assert [triage(one, RULES).score for one in scores] == [one.covid19 for one in scores]


def test_no_rule_is_low_and_says_so() -> None:
    """A low probability is a priority too, never a silence."""
    found = triage(ClassScores(0.0, 0.1, 0.9), RULES)
    assert (found.priority, found.rule) == (Priority.LOW, NO_RULE)


@given(rules=rules, scores=st.tuples(probability, probability, probability), more=probability)
def test_a_higher_probability_never_lowers_the_priority(
    rules: list[TriageRule], scores: tuple[float, float, float], more: float
) -> None:
    """Monotone in each class."""
    before = triage(ClassScores(*scores), rules).priority.rank
    raised = (max(scores[0], more), *scores[1:])
    assert triage(ClassScores(*raised), rules).priority.rank <= before


@given(rules=rules, scores=st.tuples(probability, probability, probability))
def test_the_order_of_the_rules_does_not_matter(
    rules: list[TriageRule], scores: tuple[float, float, float]
) -> None:
    """The table is a set of rules, not a program."""
    assert (
        triage(ClassScores(*scores), rules).priority
        is triage(ClassScores(*scores), rules[::-1]).priority
    )
