"""What the answer to a sent object means, as literal tables.

Sources: DICOM PS3.4 B.2.3 (C-STORE statuses), PS3.7 annex C (general statuses), PS3.8 9.3.4
(A-ASSOCIATE-RJ).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What to do next with an object."""

    DELIVERED = "delivered"
    """The peer has it."""
    RETRY = "retry"
    """The peer may take it later."""
    REFUSED = "refused"
    """The peer will not take it; sending it again would change nothing."""
    UNSENDABLE = "unsendable"
    """It is no object that can be sent; nothing was sent."""
    SKIPPED = "skipped"
    """It is not meant to be sent (DICOMDIR); nothing was sent."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of sending one object."""

    label: str
    """The file's path, or the name that the caller gave."""
    outcome: Outcome
    comment: str
    """What happened and, unless delivered, what to do, with the peer's Error Comment."""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    status: int | None = None
    """The C-STORE status; None where none came back."""

    @property
    def status_hex(self) -> str:
        """The status as DICOM writes it, such as 0xA700, or "" where none came back."""
        return "" if self.status is None else f"0x{self.status:04X}"


@dataclass(frozen=True, slots=True)
class StatusRule:
    """Statuses from `first` to `last`, both included, and what they mean for the object."""

    first: int
    last: int
    outcome: Outcome
    meaning: str


STATUS_RULES: tuple[StatusRule, ...] = (
    StatusRule(0x0000, 0x0000, Outcome.DELIVERED, "stored"),
    StatusRule(0x0001, 0x0001, Outcome.DELIVERED, "stored with a warning"),
    StatusRule(0x0107, 0x0107, Outcome.DELIVERED, "stored, attribute list warning"),
    StatusRule(0x0111, 0x0111, Outcome.DELIVERED, "the peer had this SOP instance already"),
    StatusRule(0x0116, 0x0116, Outcome.DELIVERED, "stored, attribute value out of range"),
    StatusRule(0xB000, 0xB000, Outcome.DELIVERED, "stored, the peer coerced data elements"),
    StatusRule(0xB006, 0xB006, Outcome.DELIVERED, "stored, the peer discarded elements"),
    StatusRule(0xB007, 0xB007, Outcome.DELIVERED, "stored, data set does not match SOP class"),
    StatusRule(0xB000, 0xBFFF, Outcome.DELIVERED, "stored with a warning"),
    StatusRule(0x0110, 0x0110, Outcome.RETRY, "processing failure at the peer"),
    StatusRule(0x0210, 0x0210, Outcome.RETRY, "duplicate invocation"),
    StatusRule(0x0213, 0x0213, Outcome.RETRY, "the peer is short of resources"),
    StatusRule(0xA700, 0xA7FF, Outcome.RETRY, "the peer is out of resources"),
    StatusRule(0xFE00, 0xFE00, Outcome.RETRY, "the peer cancelled the operation"),
    StatusRule(0x0117, 0x0117, Outcome.REFUSED, "invalid SOP instance"),
    StatusRule(0x0122, 0x0122, Outcome.REFUSED, "SOP class not supported"),
    StatusRule(0x0124, 0x0124, Outcome.REFUSED, "not authorised"),
    StatusRule(0x0211, 0x0211, Outcome.REFUSED, "unrecognised operation"),
    StatusRule(0x0212, 0x0212, Outcome.REFUSED, "mistyped argument"),
    StatusRule(0xA900, 0xA9FF, Outcome.REFUSED, "data set does not match SOP class"),
    StatusRule(0xC000, 0xCFFF, Outcome.REFUSED, "the peer cannot understand the object"),
    StatusRule(0x0000, 0xFFFF, Outcome.REFUSED, "failure with a status outside the standard"),
)
"""The first rule that holds a status applies."""


@dataclass(frozen=True, slots=True)
class RejectionRule:
    """What the rejection of an association means for every object it was to carry."""

    outcome: Outcome
    advice: str


REJECTION_RULES: Mapping[tuple[int, int], RejectionRule] = {
    (1, 2): RejectionRule(Outcome.REFUSED, "the peer does not speak DICOM's application context"),
    (1, 3): RejectionRule(Outcome.REFUSED, "make the peer accept our calling AE title"),
    (1, 7): RejectionRule(Outcome.REFUSED, "correct the destination's AE title"),
    (2, 2): RejectionRule(Outcome.REFUSED, "the peer does not speak this protocol version"),
    (3, 1): RejectionRule(Outcome.RETRY, "the peer is congested, try again later"),
    (3, 2): RejectionRule(Outcome.RETRY, "the peer has too many associations, try again later"),
}
"""By source and reason/diagnostic: peers err in the result, permanent or transient, more often."""

REJECTED_TRANSIENT = 2


def status_rule(status: int) -> StatusRule:
    """Return the rule of a C-STORE status, 0 to 0xFFFF."""
    return next(rule for rule in STATUS_RULES if rule.first <= status <= rule.last)


def rejection_rule(result: int, source: int, diagnostic: int) -> RejectionRule:
    """Return what a rejected association means; result: 1 permanent, 2 transient."""
    if rule := REJECTION_RULES.get((source, diagnostic)):
        return rule
    if result == REJECTED_TRANSIENT:
        return RejectionRule(Outcome.RETRY, "try again later")
    return RejectionRule(Outcome.REFUSED, "ask the peer's administrator why it rejects us")
