"""States of the rows, as literal tables, one line per state.

A classification belongs to one instance; a delivery belongs to one report and one destination, and
a report commitment to one delivery. A peer commitment request is what a peer asks us to keep.
`screening.db.states` changes a state, along these tables.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from screening.domain.procedure_step import ENDS_OF_A_STEP_REPORT, StepReportState


class ClassificationState(StrEnum):
    """Where an instance stands with one bundle."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    CLASSIFIED = "classified"
    NOT_APPLICABLE = "not_applicable"
    FAILED = "failed"


class ReportState(StrEnum):
    """Whether a classification's reports are made."""

    NONE = "none"
    DUE = "due"
    MADE = "made"
    FAILED = "failed"


class DeliveryState(StrEnum):
    """Where a report stands with one destination."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    PARKED = "parked"
    GIVEN_UP = "given_up"


UNDELIVERED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.PARKED)


class ReportCommitmentState(StrEnum):
    """Whether a destination has confirmed that it keeps a delivered report."""

    DUE = "due"
    ASKED = "asked"
    COMMITTED = "committed"
    FAILED = "failed"


class PeerCommitmentRequestState(StrEnum):
    """Where a peer's request for commitment stands with us."""

    DUE = "due"
    REPORTING = "reporting"
    REPORTED = "reported"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


class HeatMapState(StrEnum):
    """Where the heat-maps of a result stand."""

    DUE = "due"
    COMPUTING = "computing"
    MADE = "made"
    FAILED = "failed"


class CorrectionState(StrEnum):
    """Where an object stands that has the same picture and another identification."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REPLACED = "replaced"


class ReadingState(StrEnum):
    """Where a reader's turn at a study stands, from their claim on."""

    CLAIMED = "claimed"
    READ = "read"
    RELEASED = "released"


class Lane(StrEnum):
    """Live work goes before backfill."""

    LIVE = "live"
    BACKFILL = "backfill"


class BundleRole(StrEnum):
    """What a registered bundle does."""

    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Where a row may begin, and where it may go."""

    initial: tuple[StrEnum, ...]
    """States of a new row. The first is the column's default."""
    edges: Mapping[StrEnum, AbstractSet[StrEnum]]
    """Where a row may go from each state; every state is a key."""
    self_edges: AbstractSet[StrEnum] = frozenset()
    """States that a row may enter anew from themselves, such as under a new lease."""

    def allows(self, old: StrEnum, new: StrEnum) -> bool:
        """Return whether a row may go from `old` to `new`."""
        return new in self.edges[old] or (old == new and new in self.self_edges)

    def before(self, new: StrEnum) -> tuple[StrEnum, ...]:
        """Return the states from which a row may go to `new`, in the order of the table."""
        return tuple(old for old in self.edges if self.allows(old, new))


_CLASSIFICATION = Lifecycle(
    initial=(
        ClassificationState.RECEIVED,
        ClassificationState.CLASSIFIED,  # taken over by a corrected object, as is the next
        ClassificationState.NOT_APPLICABLE,
    ),
    edges={
        ClassificationState.RECEIVED: {
            ClassificationState.CLAIMED,
            ClassificationState.NOT_APPLICABLE,  # in conflict, as three attempts could not compare
            ClassificationState.FAILED,  # three attempts behind it
        },
        ClassificationState.CLAIMED: {
            ClassificationState.RECEIVED,
            ClassificationState.CLASSIFIED,
            ClassificationState.NOT_APPLICABLE,
            ClassificationState.FAILED,
        },
        ClassificationState.CLASSIFIED: set(),
        ClassificationState.NOT_APPLICABLE: set(),
        ClassificationState.FAILED: {ClassificationState.RECEIVED},  # by reprocess alone
    },
    self_edges={ClassificationState.CLAIMED},  # its lease ran out
)
_REPORT = Lifecycle(
    initial=(ReportState.NONE,),
    edges={
        ReportState.NONE: {ReportState.DUE},
        ReportState.DUE: {ReportState.MADE, ReportState.FAILED, ReportState.NONE},
        ReportState.MADE: {ReportState.DUE},
        ReportState.FAILED: {ReportState.DUE, ReportState.MADE, ReportState.NONE},
    },
)
"""Made becomes due where its result stands again; due and failed are withdrawn, to made where
there is an earlier report of it, where the result no longer stands; failed becomes due also by
`deliveries remake`."""
_DELIVERY = Lifecycle(
    initial=(DeliveryState.PENDING,),
    edges={
        DeliveryState.PENDING: {DeliveryState.SENDING, DeliveryState.GIVEN_UP},
        DeliveryState.SENDING: {
            DeliveryState.PENDING,
            DeliveryState.DELIVERED,
            DeliveryState.PARKED,
            DeliveryState.GIVEN_UP,
        },
        DeliveryState.DELIVERED: {  # by a commitment that failed alone
            DeliveryState.PENDING,
            DeliveryState.PARKED,
        },
        DeliveryState.PARKED: {DeliveryState.PENDING, DeliveryState.GIVEN_UP},
        DeliveryState.GIVEN_UP: {DeliveryState.PENDING},  # by `deliveries retry --given-up`
    },
    self_edges={DeliveryState.SENDING},  # its lease ran out
)
_REPORT_COMMITMENT = Lifecycle(
    initial=(ReportCommitmentState.DUE,),
    edges={
        ReportCommitmentState.DUE: {
            ReportCommitmentState.ASKED,
            ReportCommitmentState.COMMITTED,
            ReportCommitmentState.FAILED,
        },
        ReportCommitmentState.ASKED: {
            ReportCommitmentState.DUE,
            ReportCommitmentState.COMMITTED,
            ReportCommitmentState.FAILED,
        },
        ReportCommitmentState.COMMITTED: set(),
        ReportCommitmentState.FAILED: {ReportCommitmentState.DUE},  # by `deliveries retry`
    },
    self_edges={
        ReportCommitmentState.ASKED,  # the answer is overdue
        ReportCommitmentState.DUE,  # a late answer: to be asked or sent again
    },
)
"""Due waits also while its report is sent again; failed is where the delivery is parked. A late
answer settles what is due again since the question seemed to have got lost."""
_PEER_COMMITMENT_REQUEST = Lifecycle(
    initial=(PeerCommitmentRequestState.DUE,),
    edges={
        PeerCommitmentRequestState.DUE: {
            PeerCommitmentRequestState.REPORTING,
            PeerCommitmentRequestState.REPORTED,  # told under a lease that was lost meanwhile
            PeerCommitmentRequestState.REFUSED,  # likewise
        },
        PeerCommitmentRequestState.REPORTING: {
            PeerCommitmentRequestState.DUE,
            PeerCommitmentRequestState.REPORTED,
            PeerCommitmentRequestState.REFUSED,
            PeerCommitmentRequestState.GIVEN_UP,
        },
        PeerCommitmentRequestState.REPORTED: {PeerCommitmentRequestState.DUE},  # asked again
        PeerCommitmentRequestState.REFUSED: {PeerCommitmentRequestState.DUE},  # asked again
        PeerCommitmentRequestState.GIVEN_UP: {PeerCommitmentRequestState.DUE},  # asked again
    },
    self_edges={PeerCommitmentRequestState.REPORTING},  # its lease ran out
)
_STEP_REPORT = Lifecycle(
    initial=(StepReportState.DUE,),
    edges={
        StepReportState.DUE: {StepReportState.SENDING, StepReportState.GIVEN_UP},
        StepReportState.SENDING: set(StepReportState) - {StepReportState.SENDING},
        **{state: set() for state in ENDS_OF_A_STEP_REPORT},
    },
    self_edges={StepReportState.SENDING},  # its lease ran out
)
_HEAT_MAP = Lifecycle(
    initial=(HeatMapState.DUE,),
    edges={
        HeatMapState.DUE: {
            HeatMapState.COMPUTING,
            HeatMapState.FAILED,  # its bundle or image is gone, or three attempts behind it
        },
        HeatMapState.COMPUTING: {HeatMapState.DUE, HeatMapState.MADE, HeatMapState.FAILED},
        HeatMapState.MADE: set(),
        HeatMapState.FAILED: {HeatMapState.DUE},  # asked again
    },
    self_edges={HeatMapState.COMPUTING},  # its lease ran out
)
_CORRECTION = Lifecycle(
    # REPLACED: of the object that stood before any correction
    initial=(CorrectionState.WAITING, CorrectionState.REPLACED),
    edges={
        CorrectionState.WAITING: {CorrectionState.ACCEPTED, CorrectionState.REJECTED},
        CorrectionState.ACCEPTED: {CorrectionState.REPLACED},  # another one was accepted
        CorrectionState.REJECTED: {CorrectionState.ACCEPTED},  # by `accept --again` alone
        CorrectionState.REPLACED: {CorrectionState.ACCEPTED},  # by `accept --again` alone
    },
)
_READING = Lifecycle(
    initial=(ReadingState.CLAIMED,),
    edges={
        ReadingState.CLAIMED: {ReadingState.READ, ReadingState.RELEASED},
        ReadingState.READ: {ReadingState.RELEASED},  # marked by mistake, and taken back
        ReadingState.RELEASED: set(),
    },
)
_BUNDLE = Lifecycle(
    initial=(BundleRole.RETIRED,),  # also of one that is new, and made active at once
    edges={BundleRole.RETIRED: {BundleRole.ACTIVE}, BundleRole.ACTIVE: {BundleRole.RETIRED}},
)
LIFECYCLES: Mapping[type[StrEnum], Lifecycle] = {
    ClassificationState: _CLASSIFICATION,
    ReportState: _REPORT,
    DeliveryState: _DELIVERY,
    ReportCommitmentState: _REPORT_COMMITMENT,
    PeerCommitmentRequestState: _PEER_COMMITMENT_REQUEST,
    StepReportState: _STEP_REPORT,
    HeatMapState: _HEAT_MAP,
    CorrectionState: _CORRECTION,
    ReadingState: _READING,
    BundleRole: _BUNDLE,
}
"""Of every column that holds states, by their class."""
