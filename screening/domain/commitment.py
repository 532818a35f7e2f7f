"""What is said in Storage Commitment, as literal tables. Source: PS3.4 annex J, PS3.3 C.14."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

COMMITMENT_PUSH_MODEL = "1.2.840.10008.1.20.1"
COMMITMENT_PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
"""The well-known SOP instance that every request and report names. Source: PS3.4 J.3.5."""
REQUEST_STORAGE_COMMITMENT = 1
"""The one action type. Source: PS3.4 J.3.2."""


class CommitmentEvent(IntEnum):
    """The event type of a report. Source: PS3.4 J.3.3."""

    ALL_COMMITTED = 1
    FAILURES_EXIST = 2


class NotCommitted(IntEnum):
    """Failure Reason (0008,1197). Source: PS3.3 C.14.1.1."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_INSTANCE = 0x0112
    CLASS_INSTANCE_CONFLICT = 0x0119
    CLASS_NOT_SUPPORTED = 0x0122
    DUPLICATE_TRANSACTION_UID = 0x0131
    RESOURCE_LIMITATION = 0x0213


class WhatNext(StrEnum):
    """What follows where a destination does not commit itself to a report."""

    SEND_AGAIN = "it is sent again"
    ASK_AGAIN = "it is asked again"
    PARK = "the report is parked until someone retries it"


@dataclass(frozen=True, slots=True)
class FailureRule:
    """What a failure reason of a destination means, and what follows."""

    meaning: str
    what_next: WhatNext


FAILURE_RULES: Mapping[int, FailureRule] = {
    NotCommitted.PROCESSING_FAILURE: FailureRule("processing failure", WhatNext.SEND_AGAIN),
    NotCommitted.NO_SUCH_INSTANCE: FailureRule("it has no such instance", WhatNext.SEND_AGAIN),
    NotCommitted.CLASS_INSTANCE_CONFLICT: FailureRule(
        "it has the instance with another SOP class", WhatNext.PARK
    ),
    NotCommitted.CLASS_NOT_SUPPORTED: FailureRule(
        "it does not commit itself to this SOP class", WhatNext.PARK
    ),
    NotCommitted.DUPLICATE_TRANSACTION_UID: FailureRule(
        "it has this Transaction UID in use", WhatNext.ASK_AGAIN
    ),
    NotCommitted.RESOURCE_LIMITATION: FailureRule("it is short of resources", WhatNext.ASK_AGAIN),
}
UNKNOWN_REASON = FailureRule("a reason outside the standard", WhatNext.SEND_AGAIN)


REPORT_STATUSES_TO_RETRY = frozenset({0x0110, 0x0213})
"""Processing failure and resource limitation: a peer that answers so is told again."""


@dataclass(frozen=True, slots=True, order=True)
class SopReference:
    """One SOP instance and its class, by their UIDs."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class CommitmentRequested:
    """The information of an N-ACTION. Source: PS3.4 table J.3-1."""

    transaction_uid: str
    references: tuple[SopReference, ...]


@dataclass(frozen=True, slots=True)
class CommitmentAnswer:
    """The information of an N-EVENT-REPORT. Source: PS3.4 table J.3-2.

    failed: reference to Failure Reason.
    """

    transaction_uid: str
    committed: tuple[SopReference, ...]
    failed: Mapping[SopReference, int]

    @property
    def event_type(self) -> CommitmentEvent:
        """The event type that says whether failures exist."""
        return CommitmentEvent.FAILURES_EXIST if self.failed else CommitmentEvent.ALL_COMMITTED


def failure_rule(reason: int) -> FailureRule:
    """Return what a Failure Reason means, 0 to 0xFFFF."""
    return FAILURE_RULES.get(reason, UNKNOWN_REASON)


def references_sha256(references: Collection[SopReference]) -> str:
    """Return a digest of a set of references, whatever their order."""
    lines = sorted(f"{one.sop_class_uid} {one.sop_instance_uid}\n" for one in references)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def as_pairs(references: Sequence[SopReference]) -> list[list[str]]:
    """Return references as JSON can hold them."""
    return [[one.sop_class_uid, one.sop_instance_uid] for one in references]


def from_pairs(pairs: Sequence[Sequence[str]]) -> tuple[SopReference, ...]:
    """Return the references that `as_pairs` wrote."""
    return tuple(SopReference(sop_class, instance) for sop_class, instance in pairs)
