"""Unified Procedure Steps: one for each turn at reading a study, and who may change it how.

A step is SCHEDULED while nobody has claimed the study, IN PROGRESS under a claim, COMPLETED when it
is read, and CANCELED when its claim ended otherwise. The last two are final: a study that is to be
read again has another step. Source: PS3.4 annex CC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
"""The SOP class of every step, whatever the presentation context. Source: PS3.4 CC.3.1."""
UPS_WATCH = "1.2.840.10008.5.1.4.34.6.2"
UPS_PULL = "1.2.840.10008.5.1.4.34.6.3"
UPS_EVENT = "1.2.840.10008.5.1.4.34.6.4"
UPS_QUERY = "1.2.840.10008.5.1.4.34.6.5"
GLOBAL_SUBSCRIPTION = "1.2.840.10008.5.1.4.34.5"
FILTERED_GLOBAL_SUBSCRIPTION = "1.2.840.10008.5.1.4.34.5.1"
"""Well-known SOP instances. Source: PS3.4 CC.2.3."""


class StepState(StrEnum):
    """Procedure Step State (0074,1000)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


FINAL_STATES = (StepState.COMPLETED, StepState.CANCELED)


class StepPriority(StrEnum):
    """Scheduled Procedure Step Priority (0074,1200)."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


STEP_PRIORITIES: Mapping[str, StepPriority] = {
    "STAT": StepPriority.HIGH,
    "HIGH": StepPriority.HIGH,
    "MEDIUM": StepPriority.MEDIUM,
    "UNSCORED": StepPriority.MEDIUM,  # unknown is never read as unsuspicious
    "LOW": StepPriority.LOW,
    "NOT SCREENED": StepPriority.LOW,
}
"""Of each priority of the worklist, most urgent first: the attribute has three values."""


class Readiness(StrEnum):
    """Input Readiness State (0040,4041)."""

    INCOMPLETE = "INCOMPLETE"
    """An image waits for its result."""
    READY = "READY"


class ActionType(IntEnum):
    """Action Type IDs of N-ACTION. Source: PS3.4 tables CC.2.1-1, CC.2.2-1, CC.2.3-1."""

    CHANGE_STATE = 1
    REQUEST_CANCEL = 2
    SUBSCRIBE = 3
    UNSUBSCRIBE = 4
    SUSPEND_GLOBAL_SUBSCRIPTION = 5


ACTIONS: Mapping[str, tuple[ActionType, ...]] = {
    UPS_PULL: (ActionType.CHANGE_STATE,),
    UPS_WATCH: (
        ActionType.REQUEST_CANCEL,
        ActionType.SUBSCRIBE,
        ActionType.UNSUBSCRIBE,
        ActionType.SUSPEND_GLOBAL_SUBSCRIPTION,
    ),
}
"""Of each SOP class with actions, by the presentation context."""


class EventType(IntEnum):
    """Event Type IDs of N-EVENT-REPORT. Source: PS3.4 table CC.2.4-1."""

    STATE_REPORT = 1
    CANCEL_REQUESTED = 2
    PROGRESS_REPORT = 3


class StepReportState(StrEnum):
    """Whether an AE was told of one event of a step."""

    DUE = "due"
    SENDING = "sending"
    REPORTED = "reported"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


ENDS_OF_A_STEP_REPORT = (
    StepReportState.REPORTED,
    StepReportState.REFUSED,
    StepReportState.GIVEN_UP,
)


class UpsStatus(IntEnum):
    """Statuses of the Unified Procedure Step services; comments are in STATUS_COMMENTS."""

    SUCCESS = 0x0000
    ATTRIBUTES_NOT_SUPPORTED = 0x0001
    NO_SUCH_ATTRIBUTE = 0x0105
    PROCESSING_FAILURE = 0x0110
    INVALID_ARGUMENT = 0x0115
    NO_SUCH_ACTION = 0x0123
    NOT_AUTHORIZED = 0x0124
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    IDENTIFIER_DOES_NOT_MATCH = 0xA900
    ALREADY_CANCELED = 0xB304
    ALREADY_COMPLETED = 0xB306
    NO_LONGER_UPDATED = 0xC300
    WRONG_TRANSACTION = 0xC301
    ALREADY_IN_PROGRESS = 0xC302
    ONLY_CREATED_SCHEDULED = 0xC303
    FINAL_STATE_NOT_MET = 0xC304
    NO_SUCH_STEP = 0xC307
    RECEIVING_AE_UNKNOWN = 0xC308
    NOT_IN_PROGRESS = 0xC310
    CANCEL_OF_COMPLETED = 0xC311
    PERFORMER_NOT_REACHED = 0xC312
    ACTION_NOT_APPROPRIATE = 0xC314
    CANCELED_BY_SCU = 0xFE00
    PENDING = 0xFF00
    PENDING_KEYS_NOT_SUPPORTED = 0xFF01


STATUS_COMMENTS: Mapping[UpsStatus, str] = {
    UpsStatus.ATTRIBUTES_NOT_SUPPORTED: "some requested attributes are not supported",
    UpsStatus.NO_SUCH_ATTRIBUTE: "only progress and performed procedure may be set",
    UpsStatus.PROCESSING_FAILURE: "unexpected error, see the log of the receiver",
    UpsStatus.INVALID_ARGUMENT: "the data set is absent, unreadable or lacks a value",
    UpsStatus.NO_SUCH_ACTION: "no such action of this SOP class",
    UpsStatus.NOT_AUTHORIZED: "this AE title is not one of SCREENING_UPS_PEERS",
    UpsStatus.RESOURCE_LIMITATION: "the database is unavailable, ask again later",
    UpsStatus.OUT_OF_RESOURCES: "there are more matches than are answered; narrow the keys",
    UpsStatus.IDENTIFIER_DOES_NOT_MATCH: "a matching key has a value that none may have",
    UpsStatus.ALREADY_CANCELED: "the step is canceled already",
    UpsStatus.ALREADY_COMPLETED: "the step is completed already",
    UpsStatus.NO_LONGER_UPDATED: "the step is completed or canceled",
    UpsStatus.WRONG_TRANSACTION: "not the Transaction UID under which it was claimed",
    UpsStatus.ALREADY_IN_PROGRESS: "the step has been claimed already",
    UpsStatus.ONLY_CREATED_SCHEDULED: "a step does not become SCHEDULED again",
    UpsStatus.FINAL_STATE_NOT_MET: "images came since it was shown to you; N-GET it again",
    UpsStatus.NO_SUCH_STEP: "no step with this SOP Instance UID",
    UpsStatus.RECEIVING_AE_UNKNOWN: "SCREENING_UPS_PEERS does not say where that AE listens",
    UpsStatus.NOT_IN_PROGRESS: "the step has not been claimed",
    UpsStatus.CANCEL_OF_COMPLETED: "the step is completed",
    UpsStatus.PERFORMER_NOT_REACHED: "its reader is not subscribed; ask them or an operator",
    UpsStatus.ACTION_NOT_APPROPRIATE: "not an action of this SOP instance",
}
"""Error Comments (0000,0902), at most 64 characters."""

_NEW, _MINE, _DONE, _GONE = (
    StepState.SCHEDULED,
    StepState.IN_PROGRESS,
    StepState.COMPLETED,
    StepState.CANCELED,
)
CHANGES: Mapping[StepState, Mapping[StepState, UpsStatus]] = {
    StepState.SCHEDULED: dict.fromkeys(StepState, UpsStatus.ONLY_CREATED_SCHEDULED),
    StepState.IN_PROGRESS: {
        _NEW: UpsStatus.SUCCESS,
        _MINE: UpsStatus.ALREADY_IN_PROGRESS,
        _DONE: UpsStatus.NO_LONGER_UPDATED,
        _GONE: UpsStatus.NO_LONGER_UPDATED,
    },
    StepState.COMPLETED: {
        _NEW: UpsStatus.NOT_IN_PROGRESS,
        _MINE: UpsStatus.SUCCESS,
        _DONE: UpsStatus.ALREADY_COMPLETED,
        _GONE: UpsStatus.NO_LONGER_UPDATED,
    },
    StepState.CANCELED: {
        _NEW: UpsStatus.NOT_IN_PROGRESS,
        _MINE: UpsStatus.SUCCESS,
        _DONE: UpsStatus.NO_LONGER_UPDATED,
        _GONE: UpsStatus.ALREADY_CANCELED,
    },
}
"""By the state that is asked for, then the present one. Source: PS3.4 table CC.1.1-2.

With the right Transaction UID; without it, see `answer_to_change`.
"""
CANCEL_REQUESTS: Mapping[StepState, UpsStatus] = {
    _NEW: UpsStatus.SUCCESS,
    _MINE: UpsStatus.SUCCESS,  # or PERFORMER_NOT_REACHED, where nobody hears of it
    _DONE: UpsStatus.CANCEL_OF_COMPLETED,
    _GONE: UpsStatus.ALREADY_CANCELED,
}
"""The answer to Request UPS Cancel, by the present state. Source: PS3.4 table CC.1.1-2."""
SETTING: Mapping[StepState, UpsStatus] = {
    _NEW: UpsStatus.NOT_IN_PROGRESS,
    _MINE: UpsStatus.SUCCESS,
    _DONE: UpsStatus.NO_LONGER_UPDATED,
    _GONE: UpsStatus.NO_LONGER_UPDATED,
}
"""The answer to N-SET with the right Transaction UID, by the present state."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Who asks for a change: the Transaction UID it gives, "" where none that is valid."""

    calling_ae_title: str
    transaction_uid: str


def answer_to_change(
    asked: StepState, present: StepState, by: Transaction, holder: Transaction | None
) -> UpsStatus:
    """Return the status of Change UPS State.

    holder: who claimed the step by UPS; None where nobody has, or somebody on the page.
    """
    if asked is StepState.SCHEDULED:
        return CHANGES[asked][present]
    if not by.transaction_uid:
        return UpsStatus.WRONG_TRANSACTION
    needs_holder = asked is not StepState.IN_PROGRESS and present is not StepState.SCHEDULED
    if needs_holder and by != holder:
        return UpsStatus.WRONG_TRANSACTION
    return CHANGES[asked][present]


def answer_to_set(present: StepState, by: Transaction, holder: Transaction | None) -> UpsStatus:
    """Return the status of N-SET: only who has claimed the step may say how it goes."""
    status = SETTING[present]
    if status is UpsStatus.SUCCESS and (by != holder or not by.transaction_uid):
        return UpsStatus.WRONG_TRANSACTION
    return status
