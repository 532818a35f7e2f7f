"""Alert budgets as people type them."""

import pytest

from screening.domain.triage import Priority
from screening.ops.site_calibration.budgets import USUAL, parse_budget


def test_shares_and_numbers_a_day_become_shares() -> None:
    """Repeated or joined by commas, in any order, small letters allowed."""
    budget = parse_budget(["high=8/day", "STAT = 2.5%"], 40.0)
    assert budget.shares == {Priority.STAT: 0.025, Priority.HIGH: 0.2}
    usual = parse_budget([USUAL], 1.0)
    assert usual.up_to(Priority.MEDIUM) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("STAT=0%,HIGH=5%", "a budget for STAT of 0.1 % to 100 %"),
        ("STAT=101%,HIGH=5%", "a budget for STAT of 0.1 % to 100 %"),
        ("STAT=41/day,HIGH=5%", "to 40/day, all of its studies"),
        ("STAT=0/day,HIGH=5%", "a budget for STAT"),
        ("STAT=60%,HIGH=60%", "at most 100 % .* found 120 %"),
        ("STAT=5%", "found none for HIGH"),
        ("STAT=5%,STAT=6%,HIGH=1%", "one budget for STAT, found two"),
        ("LOW=5%", "of STAT, HIGH, MEDIUM; found 'LOW=5%'"),
        ("STAT=five", "expected budgets such as"),
        ("", "expected budgets such as"),
    ],
)
def test_other_budgets_are_refused(text: str, message: str) -> None:
    """Each says what was expected."""
    with pytest.raises(ValueError, match=message):
        parse_budget([text], 40.0)
