"""How well the ensemble does at a site, by what its readers found.

A study is called what the rule says that gave its priority, and is what its reader's newest
feedback says. Only studies with feedback count: where readers say more of the studies that were
called, sensitivity and negative predictive value look better than they are (verification bias;
Begg and Greenes, Biometrics 39 (1983)).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from screening.domain.proportions import Interval, wilson_interval
from screening.domain.reading import DISEASES, Label
from screening.domain.scores import Class


class Target(StrEnum):
    """What is to be found."""

    COVID19 = "covid19"
    PNEUMONIA = "pneumonia"
    DISEASE = "disease"
    """Either of them, whichever was called."""


class Figure(StrEnum):
    """A share of studies."""

    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"
    POSITIVE_PREDICTIVE_VALUE = "positive_predictive_value"
    NEGATIVE_PREDICTIVE_VALUE = "negative_predictive_value"


@dataclass(frozen=True, slots=True)
class Observed:
    """One figure of one target: right of all that count, and the 95 % interval of the share."""

    figure: Figure
    target: Target
    right: int
    studies: int
    interval: Interval

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.right / self.studies


LABELS_OF: Mapping[Target, frozenset[str]] = {
    Target.COVID19: frozenset({Label.COVID19}),
    Target.PNEUMONIA: frozenset({Label.PNEUMONIA}),
    Target.DISEASE: frozenset(DISEASES),
}
"""Labels, and classes that are called, that are a target."""
COUNTED: Mapping[Figure, tuple[Callable[[bool, bool], bool], Callable[[bool, bool], bool]]] = {
    Figure.SENSITIVITY: (lambda is_it, _: is_it, lambda _, called: called),
    Figure.SPECIFICITY: (lambda is_it, _: not is_it, lambda _, called: not called),
    Figure.POSITIVE_PREDICTIVE_VALUE: (lambda _, called: called, lambda is_it, _: is_it),
    Figure.NEGATIVE_PREDICTIVE_VALUE: (lambda _, called: not called, lambda is_it, _: not is_it),
}
"""Which studies count for a figure, and which of those are right, by whether a study is the target
and whether it was called so."""


def observed(studies: Mapping[tuple[Label, Class | None], int]) -> list[Observed]:
    """Return every figure that is defined.

    studies: how many there are of each label and what they were called, None where no class
    reached its threshold.
    """
    found = []
    for target, labels in LABELS_OF.items():
        for figure, (counts, is_right) in COUNTED.items():
            right = of = 0
            for (label, called), number in studies.items():
                seen = (label in labels, called is not None and called.value in labels)
                of += number if counts(*seen) else 0
                right += number if counts(*seen) and is_right(*seen) else 0
            interval = wilson_interval(right, of)
            if interval is not None:
                found.append(Observed(figure, target, right, of, interval))
    return found
