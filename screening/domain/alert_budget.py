"""How many studies may be urgent, chosen by the site; and the rules by rank that keep to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor

from screening.domain.scores import THRESHOLD_DIGITS, Class, ClassScores
from screening.domain.site_calibration import Interpolated
from screening.domain.triage import Measure, Priority, TriageRule

CLASSES_OF_PRIORITY: Mapping[Priority, tuple[Class, ...]] = {
    Priority.STAT: (Class.COVID19,),
    Priority.HIGH: (Class.COVID19, Class.PNEUMONIA),
    Priority.MEDIUM: (Class.COVID19, Class.PNEUMONIA),
}
"""Whose rank gives each priority, as in the rules of released bundles, most urgent first."""
LEAST_SHARE = 10.0**-THRESHOLD_DIGITS
"""Of all studies, for one priority: the smallest share that a rank is compared at."""


@dataclass(frozen=True, slots=True)
class AlertBudget:
    """The share of the site's studies, each above 0 and together at most 1, for each priority."""

    shares: Mapping[Priority, float]

    def up_to(self, priority: Priority) -> float:
        """Return the share of studies that may have this priority or a more urgent one."""
        return sum(share for one, share in self.shares.items() if one.rank <= priority.rank)


@dataclass(frozen=True, slots=True)
class Raised:
    """How many of the studies that a calibration was made from have a priority by its rules."""

    priority: Priority
    studies: int
    allowed: int
    """By the budget; ties may raise more."""


def rules_by_rank(
    budget: AlertBudget, ranks: Mapping[Class, Interpolated], studies: Sequence[ClassScores]
) -> tuple[TriageRule, ...]:
    """Return rules by which not more studies are raised than the budget allows, ties apart.

    studies: what `ranks` were made from, one or more, each with its highest scores. A priority of
    several classes has one rank for all of them, the lowest that keeps to the budget; one class's
    rank is the budget itself.
    """
    rules: list[TriageRule] = []
    for priority, classes in CLASSES_OF_PRIORITY.items():
        if priority not in budget.shares:
            continue
        share = budget.up_to(priority)
        allowed = floor(share * len(studies) + 0.5)
        raised = [_is_raised(rules, ranks, study) for study in studies]
        highest = sorted(
            max(_rounded(ranks[klass](study.of(klass))) for klass in classes)
            for study, already in zip(studies, raised, strict=True)
            if not already
        )
        room = max(allowed - sum(raised), 0)
        at_least = round(1 - share, THRESHOLD_DIGITS)
        if len(classes) > 1:
            at_least = _least_rank(highest, room)
        rules += [TriageRule(priority, klass, at_least, Measure.RANK) for klass in classes]
    return tuple(rules)


def raised_by(
    budget: AlertBudget,
    rules: Sequence[TriageRule],
    ranks: Mapping[Class, Interpolated],
    studies: Sequence[ClassScores],
) -> tuple[Raised, ...]:
    """Return how many of these studies have each priority, or a more urgent one."""
    return tuple(
        Raised(
            priority,
            sum(
                _is_raised([r for r in rules if r.priority.rank <= priority.rank], ranks, study)
                for study in studies
            ),
            floor(budget.up_to(priority) * len(studies) + 0.5),
        )
        for priority in budget.shares
    )


def _least_rank(highest: Sequence[float], room: int) -> float:
    """Return the rank from which on `room` of these, or with ties some more, are raised.

    highest: ascending.
    """
    if room == 0 or not highest:
        return 1.0
    least_raised = highest[-room] if room < len(highest) else 0.0
    not_raised = highest[-room - 1] if room < len(highest) else 0.0
    return round((least_raised + not_raised) / 2, THRESHOLD_DIGITS) or 0.0


def _is_raised(
    rules: Sequence[TriageRule], ranks: Mapping[Class, Interpolated], study: ClassScores
) -> bool:
    return any(_rounded(ranks[r.klass](study.of(r.klass))) >= r.at_least for r in rules)


def _rounded(rank: float) -> float:
    return round(rank, THRESHOLD_DIGITS)


def budget_in_words(budget: AlertBudget) -> str:
    """Return the budget as people see it: "STAT 5 %, HIGH 15 %"."""
    return ", ".join(f"{priority} {100 * share:g} %" for priority, share in budget.shares.items())
