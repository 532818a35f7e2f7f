"""Destinations' answers, checked and re-encoded in plain form before pynetdicom sees them.

The counterpart of `screening.receive.connections.association_request` and of
`screening.receive.command_set`: harmless deviations from the standard are corrected, others are
reported. Source: PS3.8 9.3.3, 9.3.4, PS3.7 9.3, 10.3. See
docs/decisions/0019-plain-form-for-pynetdicom.md.
"""

import struct
from collections.abc import Mapping

from screening.transport.association_items import (
    ACCEPTED_CONTEXT,
    APPLICATION_CONTEXT,
    DICOM_APPLICATION_CONTEXT,
    FIXED_BYTES,
    TRANSFER_SYNTAX,
    USER_INFORMATION,
    MalformedItemError,
    association_pdu,
    item,
    items,
    uid,
    user_information,
)
from screening.transport.command_elements import (
    ACTION_TYPE_ID,
    C_ECHO,
    C_FIND,
    C_STORE,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    ERROR_COMMENT,
    EVENT_TYPE_ID,
    MESSAGE_ID,
    MESSAGE_ID_RESPONDED_TO,
    N_EVENT_REPORT,
    NO_DATA_SET,
    RESPONSE,
    STATUS,
    UID_ELEMENTS,
    UnusableCommandError,
    elements_in,
    encoded_elements,
    even,
    number,
    number_in,
    uid_in,
)

A_ASSOCIATE_AC, A_ASSOCIATE_RJ = 0x02, 0x03
MAXIMUM_PDU_BYTES = 131072
"""Longest P-DATA-TF that we take, and that we send to a peer that takes more or does not say."""
ACCEPTED, NO_REASON, TRANSFER_SYNTAXES_NOT_SUPPORTED = 0, 2, 4
RESULTS = range(5)
"""Of a presentation context. Source: PS3.8 table 9-18."""
CONTEXT_HEAD_BYTES = 4
REJECTED_TRANSIENT = 2
REJECTION_RESULTS = (1, REJECTED_TRANSIENT)
REASONS: Mapping[int, tuple[int, ...]] = {1: (1, 2, 3, 7), 2: (1, 2), 3: (1, 2)}
"""Reasons of an A-ASSOCIATE-RJ by source, without those that are reserved. Source: PS3.8 9.3.4."""
NO_REASON_GIVEN = (1, 1)
ANY_UID = b"1.2.840.10008.1.2"
"""Stands where a transfer syntax is not significant, since its context is refused."""
PENDING = (0xFF00, 0xFF01)
KEPT_NUMBERS = (
    COMMAND_FIELD,
    MESSAGE_ID,
    MESSAGE_ID_RESPONDED_TO,
    STATUS,
    EVENT_TYPE_ID,
    ACTION_TYPE_ID,
)


def plain_pdu(pdu: bytes) -> bytes:
    """Return an answer to an association request in plain form, and any other PDU as it is.

    Raises MalformedItemError where the answer cannot be used.
    """
    if pdu[0] == A_ASSOCIATE_AC:
        return _plain_acceptance(pdu)
    if pdu[0] == A_ASSOCIATE_RJ:
        return _plain_rejection(pdu)
    return pdu


def plain_command_set(encoded: bytes) -> bytes:
    """Return a whole command set in plain form: the elements that are used, where they are legal.

    Raises UnusableCommandError where it is not a command set.
    """
    elements = elements_in(encoded)
    command_field = number_in(elements, COMMAND_FIELD)
    if command_field is None:
        raise UnusableCommandError("a command set without a Command Field")
    plain = {
        tag: number(value)
        for tag in KEPT_NUMBERS
        if (value := number_in(elements, tag)) is not None
    }
    plain |= {tag: even(text, "\0") for tag in UID_ELEMENTS if (text := uid_in(elements, tag))}
    if comment := elements.get(ERROR_COMMENT, b"").strip(b" \0"):
        plain[ERROR_COMMENT] = even(_printable(comment), " ")
    has_data_set = _has_data_set(elements, command_field)
    plain[COMMAND_DATA_SET_TYPE] = number(1 if has_data_set else NO_DATA_SET)
    return encoded_elements(plain)


def _plain_acceptance(pdu: bytes) -> bytes:
    if len(pdu) < FIXED_BYTES:
        raise MalformedItemError("an A-ASSOCIATE-AC that is cut short")
    contexts, user = b"", b""
    for kind, value in items(pdu[FIXED_BYTES:]):
        if kind == ACCEPTED_CONTEXT:
            contexts += _context(value)
        elif kind == USER_INFORMATION:
            user += value
    body = item(APPLICATION_CONTEXT, DICOM_APPLICATION_CONTEXT.encode("ascii")) + contexts
    body += user_information(user, MAXIMUM_PDU_BYTES)
    return association_pdu(A_ASSOCIATE_AC, "PEER", "SCREENING", body)  # titles are not looked at


def _context(value: bytes) -> bytes:
    """Return a context's result; an acceptance without a transfer syntax becomes a refusal."""
    if len(value) < CONTEXT_HEAD_BYTES:
        raise MalformedItemError("a presentation context that is cut short")
    context_id, result = value[0], value[2]
    sub_items = items(value[CONTEXT_HEAD_BYTES:]) if result == ACCEPTED else ()
    syntax = next((uid(found) for kind, found in sub_items if kind == TRANSFER_SYNTAX), None)
    if result not in RESULTS:
        result = NO_REASON
    if result == ACCEPTED and syntax is None:
        result = TRANSFER_SYNTAXES_NOT_SUPPORTED
    name = syntax.encode("ascii") if syntax else ANY_UID
    head = bytes([context_id, 0, result, 0])
    return item(ACCEPTED_CONTEXT, head + item(TRANSFER_SYNTAX, name))


def _plain_rejection(pdu: bytes) -> bytes:
    """Return a rejection; a reserved reason becomes none, a reserved result becomes transient."""
    result, source, reason = pdu[7:10].ljust(3, b"\0")
    if result not in REJECTION_RESULTS:
        result = REJECTED_TRANSIENT
    if reason not in REASONS.get(source, ()):
        source, reason = NO_REASON_GIVEN
    return struct.pack(">BxIxBBB", A_ASSOCIATE_RJ, 4, result, source, reason)


def _has_data_set(elements: Mapping[int, bytes], command_field: int) -> bool:
    if command_field in {C_STORE | RESPONSE, C_ECHO | RESPONSE}:
        return False  # some announce one all the same
    announced = number_in(elements, COMMAND_DATA_SET_TYPE)
    if announced is not None:
        return announced != NO_DATA_SET
    is_match = number_in(elements, STATUS) in PENDING
    return command_field == N_EVENT_REPORT or (command_field == C_FIND | RESPONSE and is_match)


def _printable(comment: bytes) -> str:
    """Return a comment in ASCII; what a command set's character repertoire lacks is replaced."""
    text = comment.decode("latin-1")
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
