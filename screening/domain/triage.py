"""From scores to a priority on the reading worklist.

The rules and their thresholds come from the bundle's manifest, or from the site's own calibration
of it (`screening.domain.site_calibration`), never from code or settings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from screening.domain.scores import CLASS_TITLES, THRESHOLD_DIGITS, Class


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


class Measure(StrEnum):
    """What of a class a rule looks at, each 0 to 1."""

    PROBABILITY = "probability"
    """As the bundle computes it."""
    SITE_PROBABILITY = "site_probability"
    """Recalibrated with the site's labels."""
    RANK = "rank"
    """The share of the site's studies whose score is lower."""


RULE_TEXTS: Mapping[Measure, str] = {
    Measure.PROBABILITY: "{title} probability at least {least:g} %",
    Measure.SITE_PROBABILITY: "{title} probability recalibrated for this site at least {least:g} %",
    Measure.RANK: "{title} score among the highest {most:g} % of this site's studies",
}


class ByClass(Protocol):
    """One value for each class, 0 to 1: probabilities, or ranks."""

    def of(self, klass: Class) -> float:
        """Return the value of one class."""


@dataclass(frozen=True, slots=True)
class TriageRule:
    """Gives `priority` where the measure of `klass` is at least `at_least` (0 to 1).

    What is measured is rounded to `THRESHOLD_DIGITS` first: readers who compare what they are shown
    with the rule find the same, and rounding errors of the networks' sums decide nothing there.
    """

    priority: Priority
    klass: Class
    at_least: float
    measure: Measure = Measure.PROBABILITY

    def applies_to(self, values: ByClass) -> bool:
        """Return whether these values, of the rule's measure, reach the threshold."""
        return round(values.of(self.klass), THRESHOLD_DIGITS) >= self.at_least

    def __str__(self) -> str:
        least = 100 * self.at_least
        most = round(100 - least, THRESHOLD_DIGITS)
        text = RULE_TEXTS[self.measure]
        return text.format(title=CLASS_TITLES[self.klass], least=least, most=most)


@dataclass(frozen=True, slots=True)
class Triage:
    """A priority and, in words, the rule that gave it.

    score: by which equal priorities are ordered, 0 to 1: what that rule looked at, or, at a site
    with a calibration of its own, the rank of it; where no rule applies, that of the likelier
    disease.
    """

    priority: Priority
    rule: str
    score: float


NO_RULE = "no class reached its threshold"


def triage(
    values: ByClass, rules: Sequence[TriageRule], *, ordered_by: ByClass | None = None
) -> Triage:
    """Return the most urgent priority any rule gives; LOW where none applies.

    values: of the rules' measure. ordered_by: what equal priorities are ordered by, `values` unless
    given. Of several rules that give the priority, the one whose class is highest there is told.
    """
    order = ordered_by or values
    reached = [rule for rule in rules if rule.applies_to(values)]
    if not reached:
        return Triage(
            Priority.LOW, NO_RULE, max(order.of(Class.COVID19), order.of(Class.PNEUMONIA))
        )
    rule = min(reached, key=lambda rule: (rule.priority.rank, -order.of(rule.klass)))
    return Triage(rule.priority, str(rule), order.of(rule.klass))
