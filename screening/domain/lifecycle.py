"""States of the rows, as literal tables, one line per state.

A classification belongs to one instance; a delivery belongs to one report and one destination, and
a commitment to one delivery. A commitment request is what a peer asked us about what it sent.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ClassificationState(StrEnum):
    """Where an instance stands with one bundle."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    CLASSIFIED = "classified"
    NOT_APPLICABLE = "not_applicable"
    FAILED = "failed"


CLASSIFICATION_EDGES: Mapping[ClassificationState, frozenset[ClassificationState]] = {
    ClassificationState.RECEIVED: frozenset(
        {ClassificationState.CLAIMED, ClassificationState.FAILED}
    ),
    ClassificationState.CLAIMED: frozenset(
        {
            ClassificationState.RECEIVED,
            ClassificationState.CLASSIFIED,
            ClassificationState.NOT_APPLICABLE,
            ClassificationState.FAILED,
        }
    ),
    ClassificationState.CLASSIFIED: frozenset(),
    ClassificationState.NOT_APPLICABLE: frozenset(),
    ClassificationState.FAILED: frozenset({ClassificationState.RECEIVED}),  # by reprocess alone
}


class ReportState(StrEnum):
    """Whether a classification's reports are made."""

    NONE = "none"
    DUE = "due"
    MADE = "made"
    FAILED = "failed"


REPORT_EDGES: Mapping[ReportState, frozenset[ReportState]] = {
    ReportState.NONE: frozenset({ReportState.DUE}),
    ReportState.DUE: frozenset({ReportState.MADE, ReportState.FAILED, ReportState.NONE}),
    ReportState.MADE: frozenset({ReportState.DUE}),
    ReportState.FAILED: frozenset({ReportState.DUE, ReportState.MADE, ReportState.NONE}),
}
"""Made becomes due where its result stands again; due and failed are withdrawn, to made where
there is an earlier report of it, where the result no longer stands; failed becomes due also by
`deliveries remake`."""


class DeliveryState(StrEnum):
    """Where a report stands with one destination."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    PARKED = "parked"
    GIVEN_UP = "given_up"


DELIVERY_EDGES: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.SENDING, DeliveryState.GIVEN_UP}),
    DeliveryState.SENDING: frozenset(
        {
            DeliveryState.PENDING,
            DeliveryState.DELIVERED,
            DeliveryState.PARKED,
            DeliveryState.GIVEN_UP,
        }
    ),
    DeliveryState.DELIVERED: frozenset(
        {DeliveryState.PENDING, DeliveryState.PARKED}  # by a commitment that failed alone
    ),
    DeliveryState.PARKED: frozenset({DeliveryState.PENDING, DeliveryState.GIVEN_UP}),
    DeliveryState.GIVEN_UP: frozenset({DeliveryState.PENDING}),  # by `deliveries retry --given-up`
}
UNDELIVERED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.PARKED)


class CommitmentState(StrEnum):
    """Whether a destination has confirmed that it keeps a delivered report."""

    DUE = "due"
    ASKED = "asked"
    COMMITTED = "committed"
    FAILED = "failed"


COMMITMENT_EDGES: Mapping[CommitmentState, frozenset[CommitmentState]] = {
    CommitmentState.DUE: frozenset(
        {CommitmentState.ASKED, CommitmentState.COMMITTED, CommitmentState.FAILED}
    ),
    CommitmentState.ASKED: frozenset(
        {CommitmentState.DUE, CommitmentState.COMMITTED, CommitmentState.FAILED}
    ),
    CommitmentState.COMMITTED: frozenset(),
    CommitmentState.FAILED: frozenset({CommitmentState.DUE}),  # by `deliveries retry` alone
}
"""Due waits also while its report is sent again; failed is where the delivery is parked. A late
answer settles what is due again since the question seemed to have got lost."""


class CommitmentRequestState(StrEnum):
    """Where a peer's request for commitment stands with us."""

    DUE = "due"
    REPORTING = "reporting"
    REPORTED = "reported"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


COMMITMENT_REQUEST_EDGES: Mapping[CommitmentRequestState, frozenset[CommitmentRequestState]] = {
    CommitmentRequestState.DUE: frozenset({CommitmentRequestState.REPORTING}),
    CommitmentRequestState.REPORTING: frozenset(
        {
            CommitmentRequestState.DUE,
            CommitmentRequestState.REPORTED,
            CommitmentRequestState.REFUSED,
            CommitmentRequestState.GIVEN_UP,
        }
    ),
    CommitmentRequestState.REPORTED: frozenset({CommitmentRequestState.DUE}),  # asked again
    CommitmentRequestState.REFUSED: frozenset({CommitmentRequestState.DUE}),  # asked again
    CommitmentRequestState.GIVEN_UP: frozenset({CommitmentRequestState.DUE}),  # asked again
}


class CorrectionState(StrEnum):
    """Where an object stands that has the same picture and another identification."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REPLACED = "replaced"


CORRECTION_EDGES: Mapping[CorrectionState, frozenset[CorrectionState]] = {
    CorrectionState.WAITING: frozenset({CorrectionState.ACCEPTED, CorrectionState.REJECTED}),
    CorrectionState.ACCEPTED: frozenset({CorrectionState.REPLACED}),  # another one was accepted
    CorrectionState.REJECTED: frozenset({CorrectionState.ACCEPTED}),  # by `accept --again` alone
    CorrectionState.REPLACED: frozenset({CorrectionState.ACCEPTED}),  # by `accept --again` alone
}


class Lane(StrEnum):
    """Live work goes before backfill."""

    LIVE = "live"
    BACKFILL = "backfill"


class BundleRole(StrEnum):
    """What a registered bundle does."""

    ACTIVE = "active"
    SHADOW = "shadow"
    RETIRED = "retired"


class FailureReason(StrEnum):
    """Why a classification failed."""

    UNREADABLE_DATA_SET = "unreadable_data_set"
    UNDECODABLE_PIXELS = "undecodable_pixels"
    SPOOL_FILE_MISSING = "spool_file_missing"
    SPOOL_FILE_DAMAGED = "spool_file_damaged"
    WORKER_LOST = "worker_lost"
    OUT_OF_MEMORY = "out_of_memory"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """retry: try again up to MAX_ATTEMPTS; object_at_fault: bad input, not our failure."""

    retry: bool
    object_at_fault: bool
    meaning: str


FAILURE_POLICIES: Mapping[FailureReason, FailurePolicy] = {
    FailureReason.UNREADABLE_DATA_SET: FailurePolicy(False, True, "the data set cannot be parsed"),
    FailureReason.UNDECODABLE_PIXELS: FailurePolicy(False, True, "the pixels cannot be decoded"),
    FailureReason.SPOOL_FILE_MISSING: FailurePolicy(True, False, "the spooled file is not there"),
    FailureReason.SPOOL_FILE_DAMAGED: FailurePolicy(
        False, False, "the spooled file no longer matches its digest"
    ),
    FailureReason.WORKER_LOST: FailurePolicy(
        True, False, "every worker that tried it died or lost its lease"
    ),
    FailureReason.OUT_OF_MEMORY: FailurePolicy(
        True, False, "the memory is too small for this one picture alone"
    ),
    FailureReason.INTERNAL_ERROR: FailurePolicy(True, False, "an unexpected error, see the log"),
}

MOST_DOUBLINGS = 64
"""Of a wait: longer than any cap. Deliveries are retried for ever, and 2.0 ** 1024 overflows."""
MAX_ATTEMPTS = 3
"""Attempts are counted before the work; a row that had this many goes into quarantine."""


def is_legal_classification_edge(old: ClassificationState, new: ClassificationState) -> bool:
    """Return whether a classification may go from `old` to `new`."""
    return new in CLASSIFICATION_EDGES[old]


def backoff_s(attempts: int, *, first_s: float, longest_s: float) -> float:
    """Return how long to wait after `attempts` failures: doubling, capped, with full jitter.

    Returns between half and the whole of first_s * 2 ** (attempts - 1), at most longest_s.
    """
    doublings = min(MOST_DOUBLINGS, max(0, attempts - 1))
    ceiling = min(longest_s, first_s * 2.0**doublings)
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311  jitter, not a secret
