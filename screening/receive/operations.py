"""The operations that are served, and what their requests must have, as literal tables.

`docs/conformance.md` is compared with them by a test. Source: PS3.7 9.3, 10.3, annexes C and E.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pynetdicom import evt
from pynetdicom.events import InterventionEvent

from screening.receive.statuses import (
    DATA_SET_DOES_NOT_MATCH,
    NO_SUCH_ACTION,
    NO_SUCH_EVENT_TYPE,
    NO_SUCH_INSTANCE,
    NO_SUCH_SOP_CLASS,
    SOP_CLASS_NOT_SUPPORTED,
)
from screening.transport.command_elements import (
    ACTION_TYPE_ID,
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    ATTRIBUTE_IDENTIFIER_LIST,
    C_ECHO,
    C_FIND,
    C_STORE,
    EVENT_TYPE_ID,
    N_ACTION,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    REQUESTED_SOP_CLASS_UID,
    REQUESTED_SOP_INSTANCE_UID,
)

PRIORITIES = (0, 1, 2)
MEDIUM_PRIORITY = 0
WITH_PRIORITY = frozenset({C_STORE, C_FIND})
TAG_BYTES = 4


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that is served."""

    name: str
    event: InterventionEvent | None
    """pynetdicom's, which its handler is bound to; None where pynetdicom does not serve it."""
    has_data_set: bool
    sop_class: int
    """Which of its elements is its SOP class."""
    other_class: int
    """The status of one that is not served here."""
    parameters: Mapping[int, int]
    """Elements that it must have, with the status of one that is absent or illegal."""
    tag_list: int | None = None
    """An element that it may have: a list of tags."""


OPERATIONS: Mapping[int, Operation] = {
    C_STORE: Operation(
        "C-STORE",
        None,
        has_data_set=True,
        sop_class=AFFECTED_SOP_CLASS_UID,
        other_class=SOP_CLASS_NOT_SUPPORTED,
        parameters={
            AFFECTED_SOP_CLASS_UID: DATA_SET_DOES_NOT_MATCH,
            AFFECTED_SOP_INSTANCE_UID: DATA_SET_DOES_NOT_MATCH,
        },
    ),
    C_ECHO: Operation(
        "C-ECHO",
        evt.EVT_C_ECHO,
        has_data_set=False,
        sop_class=AFFECTED_SOP_CLASS_UID,
        other_class=SOP_CLASS_NOT_SUPPORTED,
        parameters={AFFECTED_SOP_CLASS_UID: SOP_CLASS_NOT_SUPPORTED},
    ),
    C_FIND: Operation(
        "C-FIND",
        evt.EVT_C_FIND,
        has_data_set=True,
        sop_class=AFFECTED_SOP_CLASS_UID,
        other_class=SOP_CLASS_NOT_SUPPORTED,
        parameters={AFFECTED_SOP_CLASS_UID: SOP_CLASS_NOT_SUPPORTED},
    ),
    N_GET: Operation(
        "N-GET",
        evt.EVT_N_GET,
        has_data_set=False,
        sop_class=REQUESTED_SOP_CLASS_UID,
        other_class=NO_SUCH_SOP_CLASS,
        parameters={
            REQUESTED_SOP_CLASS_UID: NO_SUCH_SOP_CLASS,
            REQUESTED_SOP_INSTANCE_UID: NO_SUCH_INSTANCE,
        },
        tag_list=ATTRIBUTE_IDENTIFIER_LIST,
    ),
    N_SET: Operation(
        "N-SET",
        evt.EVT_N_SET,
        has_data_set=True,
        sop_class=REQUESTED_SOP_CLASS_UID,
        other_class=NO_SUCH_SOP_CLASS,
        parameters={
            REQUESTED_SOP_CLASS_UID: NO_SUCH_SOP_CLASS,
            REQUESTED_SOP_INSTANCE_UID: NO_SUCH_INSTANCE,
        },
    ),
    N_ACTION: Operation(
        "N-ACTION",
        evt.EVT_N_ACTION,
        has_data_set=True,
        sop_class=REQUESTED_SOP_CLASS_UID,
        other_class=NO_SUCH_SOP_CLASS,
        parameters={
            REQUESTED_SOP_CLASS_UID: NO_SUCH_SOP_CLASS,
            REQUESTED_SOP_INSTANCE_UID: NO_SUCH_INSTANCE,
            ACTION_TYPE_ID: NO_SUCH_ACTION,
        },
    ),
    N_EVENT_REPORT: Operation(
        "N-EVENT-REPORT",
        evt.EVT_N_EVENT_REPORT,
        has_data_set=True,
        sop_class=AFFECTED_SOP_CLASS_UID,
        other_class=NO_SUCH_SOP_CLASS,
        parameters={
            AFFECTED_SOP_CLASS_UID: NO_SUCH_SOP_CLASS,
            AFFECTED_SOP_INSTANCE_UID: NO_SUCH_INSTANCE,
            EVENT_TYPE_ID: NO_SUCH_EVENT_TYPE,
        },
    ),
}
NAMES: Mapping[int, str] = {
    AFFECTED_SOP_CLASS_UID: "Affected SOP Class UID",
    REQUESTED_SOP_CLASS_UID: "Requested SOP Class UID",
    AFFECTED_SOP_INSTANCE_UID: "Affected SOP Instance UID",
    REQUESTED_SOP_INSTANCE_UID: "Requested SOP Instance UID",
    EVENT_TYPE_ID: "Event Type ID",
    ACTION_TYPE_ID: "Action Type ID",
}
