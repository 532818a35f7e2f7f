"""From scores to a priority on the reading worklist.

The rules and their thresholds come from the bundle's manifest, never from code or settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from screening.domain.scores import CLASS_TITLES, THRESHOLD_DIGITS, Class, ClassScores


class Priority(StrEnum):
    """Reading priority, most urgent first."""

    STAT = "STAT"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"

    @property
    def rank(self) -> int:
        """0 for the most urgent; the worklist's sort key."""
        return list(Priority).index(self)


@dataclass(frozen=True, slots=True)
class TriageRule:
    """Gives `priority` where the probability of `klass` is at least `at_least` (0 to 1).

    The probability is rounded to `THRESHOLD_DIGITS` first: readers who compare what they are shown
    with the rule find the same, and rounding errors of the networks' sums decide nothing there.
    """

    priority: Priority
    klass: Class
    at_least: float

    def applies_to(self, scores: ClassScores) -> bool:
        """Return whether these scores reach the threshold."""
        return round(scores.of(self.klass), THRESHOLD_DIGITS) >= self.at_least

    def __str__(self) -> str:
        return f"{CLASS_TITLES[self.klass]} probability at least {100 * self.at_least:g} %"


@dataclass(frozen=True, slots=True)
class Triage:
    """A priority and, in words, the rule that gave it.

    score: what that rule looked at, 0 to 1, by which equal priorities are ordered; where no rule
    applies, the probability of the likelier disease.
    """

    priority: Priority
    rule: str
    score: float


NO_RULE = "no class reached its threshold"


def triage(scores: ClassScores, rules: Sequence[TriageRule]) -> Triage:
    """Return the most urgent priority any rule gives; LOW where none applies.

    Of several rules that give it, the one whose class scored highest is told.
    """
    reached = [rule for rule in rules if rule.applies_to(scores)]
    if not reached:
        return Triage(Priority.LOW, NO_RULE, max(scores.covid19, scores.pneumonia))
    rule = min(reached, key=lambda rule: (rule.priority.rank, -scores.of(rule.klass)))
    return Triage(rule.priority, str(rule), scores.of(rule.klass))
