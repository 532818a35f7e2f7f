"""Command sets as peers send them, checked and re-encoded in plain form for pynetdicom.

Harmless faults are corrected (Priority, group lengths, elements that are not used). A request that
cannot be served gets a failure status, and the association goes on; only a command set that cannot
be decoded ends it, since there is nothing to answer. Source: PS3.7 9.3, 10.3, annexes C and E.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from screening.dimse.messages import (
    IgnoredMessage,
    PlainMessage,
    Refusal,
    RefusedRequest,
    Request,
)
from screening.receive.operations import (
    MEDIUM_PRIORITY,
    NAMES,
    OPERATIONS,
    PRIORITIES,
    TAG_BYTES,
    WITH_PRIORITY,
)
from screening.receive.statuses import (
    CUT_SHORT,
    MISTYPED_ARGUMENT,
    UNRECOGNIZED_OPERATION,
)
from screening.transport.command_elements import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    C_CANCEL,
    C_FIND,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    MESSAGE_ID,
    MESSAGE_ID_RESPONDED_TO,
    N_EVENT_REPORT,
    NO_DATA_SET,
    PRIORITY,
    REQUESTED_SOP_CLASS_UID,
    REQUESTED_SOP_INSTANCE_UID,
    RESPONSE,
    STATUS,
    UID_ELEMENTS,
    elements_in,
    encoded_elements,
    even,
    number,
    number_in,
    uid_in,
)

NO_MESSAGE_ID = Refusal(MISTYPED_ARGUMENT, "Message ID is missing or illegal")
NO_SUCH_OPERATION = Refusal(
    UNRECOGNIZED_OPERATION, "no operation of this presentation context's SOP class"
)
DATA_SET_ENDED_EARLY = Refusal(CUT_SHORT, "the data set is cut short")


@dataclass(frozen=True, slots=True)
class ServedBy:
    """What a presentation context serves: its operations, and the SOP classes they may name."""

    operations: frozenset[int]
    sop_classes: frozenset[str]


def operation_name(request: Request) -> str:
    """Return the name of a request's operation."""
    known = OPERATIONS.get(request.command_field)
    return known.name if known else "another operation"


def judged(encoded: bytes, served: ServedBy) -> PlainMessage | RefusedRequest | IgnoredMessage:
    """Return a message in plain form, why it is refused, or that it needs no answer.

    encoded: the whole command set; served: what its presentation context serves.
    Raises UnusableCommandError where it is not a command set.
    """
    elements = elements_in(encoded)
    command_field = number_in(elements, COMMAND_FIELD)
    announced = number_in(elements, COMMAND_DATA_SET_TYPE)
    if command_field is not None and (command_field & RESPONSE or command_field == C_CANCEL):
        if command_field == C_CANCEL and C_FIND in served.operations:
            return _cancel(elements)
        return _response(elements, command_field, has_data_set=announced != NO_DATA_SET)
    operation = OPERATIONS.get(command_field or 0)
    has_data_set = announced not in {NO_DATA_SET, None}
    if operation is not None:
        has_data_set = operation.has_data_set and announced != NO_DATA_SET
    request = _request(elements, command_field, served)
    if refusal := _refusal(elements, command_field, served):
        return RefusedRequest(request, refusal, has_data_set)
    return _plain_request(elements, request, has_data_set=has_data_set)


def _request(elements: Mapping[int, bytes], command_field: int | None, served: ServedBy) -> Request:
    """Return what a response needs; without a Command Field, assume the context's operation."""
    uids = {tag: uid_in(elements, tag) for tag in UID_ELEMENTS}
    return Request(
        command_field or max(served.operations),
        number_in(elements, MESSAGE_ID) or 0,
        uids[AFFECTED_SOP_CLASS_UID] or uids[REQUESTED_SOP_CLASS_UID],
        uids[AFFECTED_SOP_INSTANCE_UID] or uids[REQUESTED_SOP_INSTANCE_UID],
    )


def _refusal(
    elements: Mapping[int, bytes], command_field: int | None, served: ServedBy
) -> Refusal | None:
    if number_in(elements, MESSAGE_ID) is None:
        return NO_MESSAGE_ID
    if command_field is None or command_field not in served.operations:
        return NO_SUCH_OPERATION
    operation = OPERATIONS[command_field]
    for tag, status in operation.parameters.items():
        found = uid_in(elements, tag) if tag in UID_ELEMENTS else number_in(elements, tag)
        if found in {"", None}:
            return Refusal(status, f"{NAMES[tag]} is missing or illegal")
    if uid_in(elements, operation.sop_class) not in served.sop_classes:
        return Refusal(operation.other_class, "this SOP class is not served here")
    return None


def _plain_request(
    elements: Mapping[int, bytes], request: Request, *, has_data_set: bool
) -> PlainMessage:
    operation = OPERATIONS[request.command_field]
    plain = {
        COMMAND_FIELD: number(request.command_field),
        MESSAGE_ID: number(request.message_id),
        COMMAND_DATA_SET_TYPE: number(1 if has_data_set else NO_DATA_SET),
    }
    for tag in operation.parameters:
        is_uid = tag in UID_ELEMENTS
        plain[tag] = even(uid_in(elements, tag), "\0") if is_uid else elements[tag]
    if operation.tag_list is not None:
        tags = elements.get(operation.tag_list, b"")
        if tags and not len(tags) % TAG_BYTES:
            plain[operation.tag_list] = tags
    mended = ""
    if request.command_field in WITH_PRIORITY:
        priority = number_in(elements, PRIORITY)
        if priority not in PRIORITIES:
            priority, mended = MEDIUM_PRIORITY, "Priority is none of 0, 1 and 2: taken as medium"
        plain[PRIORITY] = number(priority or MEDIUM_PRIORITY)
    return PlainMessage(encoded_elements(plain), has_data_set, request, mended)


def _cancel(elements: Mapping[int, bytes]) -> PlainMessage | IgnoredMessage:
    """Return a C-CANCEL, which pynetdicom shows to the handler of the request that it names."""
    responded_to = number_in(elements, MESSAGE_ID_RESPONDED_TO)
    if responded_to is None:
        return IgnoredMessage(has_data_set=False)
    plain = {
        COMMAND_FIELD: number(C_CANCEL),
        MESSAGE_ID_RESPONDED_TO: number(responded_to),
        COMMAND_DATA_SET_TYPE: number(NO_DATA_SET),
    }
    return PlainMessage(encoded_elements(plain), has_data_set=False)


def _response(
    elements: Mapping[int, bytes], command_field: int, *, has_data_set: bool
) -> PlainMessage | IgnoredMessage:
    """Return the response to our N-EVENT-REPORT, the only request that we send as acceptor."""
    responded_to = number_in(elements, MESSAGE_ID_RESPONDED_TO)
    status = number_in(elements, STATUS)
    if command_field != N_EVENT_REPORT | RESPONSE or responded_to is None or status is None:
        return IgnoredMessage(has_data_set and command_field != C_CANCEL)
    plain = {
        COMMAND_FIELD: number(command_field),
        MESSAGE_ID_RESPONDED_TO: number(responded_to),
        COMMAND_DATA_SET_TYPE: number(1 if has_data_set else NO_DATA_SET),
        STATUS: number(status),
    }
    return PlainMessage(encoded_elements(plain), has_data_set)
