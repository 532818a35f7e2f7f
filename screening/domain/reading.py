"""Reading studies: whether one waits for it, and what its reader may find."""

from dataclasses import dataclass
from enum import StrEnum

from screening.domain.scores import CLASS_TITLES, Class


class StudyReading(StrEnum):
    """Whether somebody reads a study or has read it.

    A study that was read becomes unread again when an image of it arrives, or an operator accepts
    a correction of one.
    """

    UNREAD = "unread"
    CLAIMED = "claimed"
    READ = "read"


class Label(StrEnum):
    """What a reader finds in a study, as feedback on what the system made of it."""

    COVID19 = "covid19"
    PNEUMONIA = "pneumonia"
    NORMAL = "normal"
    OTHER_ABNORMAL = "other_abnormal"
    """Anything else that is not normal; none of the classes that the system scores."""


DISEASES = (Label.COVID19, Label.PNEUMONIA)
"""Labels that the system is to find."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. may_end_others: an operator, who may end what another reader began.

    name: "" of somebody who has not logged in, and may do nothing.
    """

    name: str
    may_end_others: bool = False


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a reader says of a study.

    agrees: with what the system made of it; None: as the class says. label: the class that they
    find; None: the one that the system called, which only somebody who agrees may leave out.
    """

    agrees: bool | None
    label: Label | None


def agrees(label: Label, called: Class | None) -> bool:
    """Return whether a reader's class is what the system made of the study.

    called: the class whose rule fired; None where no class reached its threshold, which says that
    neither disease was found.
    """
    if called is None or called is Class.NORMAL:
        return label not in DISEASES
    return label.value == called.value


def called_class(rule: str | None) -> Class | None:
    """Return the class that a priority rule's text names; None if it names none."""
    named = (klass for klass in Class if (rule or "").startswith(f"{CLASS_TITLES[klass]} "))
    return next(named, None)
