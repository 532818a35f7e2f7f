"""A-ASSOCIATE-RQs as peers send them, checked and re-encoded in plain form for pynetdicom.

Deviations that other SCPs accept are accepted: any protocol version with bit 0, unknown items,
padding, absent or odd names of implementations. A presentation context that cannot be used is
refused alone. Anything else is rejected or aborted as PS3.8 says.
Source: PS3.8 7.1.1, 9.3.2 and annex D, PS3.7 annex D.3.3.
"""

from dataclasses import dataclass, field

from screening.dimse.pdu_limits import (
    ASSOCIATION_REQUEST,
    INVALID_PARAMETER_VALUE,
    MAXIMUM_PDU_BYTES,
    PDUFault,
)
from screening.dimse.rejections import Refused
from screening.transport.association_items import (
    ABSTRACT_SYNTAX,
    APPLICATION_CONTEXT,
    DICOM_APPLICATION_CONTEXT,
    FIXED_BYTES,
    REQUESTED_CONTEXT,
    TRANSFER_SYNTAX,
    USER_IDENTITY,
    USER_INFORMATION,
    MalformedItemError,
    ae_title,
    association_pdu,
    item,
    items,
    uid,
    user_information,
)

NEVER_SUPPORTED = b"2.25.0"
"""Stands for a syntax that is no UID, so that negotiation refuses its context."""
VERSION_1 = 1
"""Bit 0 of the protocol version; the others are not tested. Source: PS3.8 table 9-11."""
USER_IDENTITY_TYPES = range(1, 6)
CONTEXT_HEAD_BYTES = 4
CONTEXT_ID_REUSED = "a presentation context ID that is used twice"


class UnusableRequestError(Exception):
    """An association request that is answered with A-ABORT."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.fault = PDUFault(INVALID_PARAMETER_VALUE, reason)


class RejectedRequestError(Exception):
    """An association request that is answered with A-ASSOCIATE-RJ; the text says why."""

    def __init__(self, refused: Refused, reason: str) -> None:
        super().__init__(f"{refused}: {reason}")
        self.refused = refused


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """An association request that pynetdicom understands."""

    pdu: bytes
    """The whole PDU."""
    calling_ae_title: str
    called_ae_title: str
    unusable_contexts: tuple[str, ...] = ()
    """Why presentation contexts cannot be negotiated, in words."""


@dataclass(slots=True)
class _Found:
    """The items of a request, as far as they count."""

    application_contexts: list[bytes] = field(default_factory=list)
    contexts: dict[int, bytes] = field(default_factory=dict)
    user_information: bytes = b""
    unusable: list[str] = field(default_factory=list)


def plain_request(pdu: bytes) -> PlainRequest:
    """Return a whole A-ASSOCIATE-RQ in plain form.

    Raises RejectedRequestError where the protocol version, an AE title or the application context
    is not supported, and UnusableRequestError where it is no request that makes sense.
    """
    if len(pdu) < FIXED_BYTES:
        raise UnusableRequestError("an association request that is cut short")
    if not pdu[7] & VERSION_1:
        raise RejectedRequestError(Refused.PROTOCOL_VERSION, "expected one with bit 0 set")
    called = _title(pdu[10:26], Refused.CALLED_AE_TITLE)
    calling = _title(pdu[26:42], Refused.CALLING_AE_TITLE)
    try:
        found = _found(pdu[FIXED_BYTES:])
        user = user_information(found.user_information, MAXIMUM_PDU_BYTES)
    except MalformedItemError as error:
        raise UnusableRequestError(str(error)) from None
    name = uid(found.application_contexts[0]) if found.application_contexts else None
    if name != DICOM_APPLICATION_CONTEXT:
        raise RejectedRequestError(
            Refused.APPLICATION_CONTEXT,
            f"expected {DICOM_APPLICATION_CONTEXT}, "
            f"found {'another' if found.application_contexts else 'none'}",
        )
    if not found.contexts:
        raise UnusableRequestError("an association request without presentation contexts")
    body = item(APPLICATION_CONTEXT, DICOM_APPLICATION_CONTEXT.encode("ascii"))
    body += b"".join(found.contexts.values()) + user
    return PlainRequest(
        association_pdu(ASSOCIATION_REQUEST, called, calling, body),
        calling,
        called,
        tuple(found.unusable),
    )


def _title(encoded: bytes, refused: Refused) -> str:
    title = ae_title(encoded)
    if title is None:
        found = "other characters" if encoded.strip(b" \0") else "none"
        reason = f"expected printable ASCII without backslash, found {found}"
        raise RejectedRequestError(refused, reason)
    return title


def _found(encoded: bytes) -> _Found:
    found = _Found()
    for kind, value in items(encoded):
        if kind == APPLICATION_CONTEXT:
            found.application_contexts.append(value)
        elif kind == REQUESTED_CONTEXT:
            _take_context(found, value)
        elif kind == USER_INFORMATION:
            found.user_information += value
            _require_known_identity(value)
    return found


def _take_context(found: _Found, value: bytes) -> None:
    if len(value) < CONTEXT_HEAD_BYTES:
        raise MalformedItemError("a presentation context that is cut short")
    context_id = value[0]
    if not context_id % 2:
        raise MalformedItemError(f"the presentation context ID {context_id}, which is not odd")
    plain = _context(found, context_id, value[CONTEXT_HEAD_BYTES:])
    if found.contexts.setdefault(context_id, plain) != plain:
        raise MalformedItemError(CONTEXT_ID_REUSED)


def _context(found: _Found, context_id: int, encoded: bytes) -> bytes:
    """Return a presentation context; what cannot be used of it is replaced or left out."""
    sub_items = list(items(encoded))
    abstract = {uid(value) for kind, value in sub_items if kind == ABSTRACT_SYNTAX}
    transfer = [uid(value) for kind, value in sub_items if kind == TRANSFER_SYNTAX]
    usable = [name.encode("ascii") for name in dict.fromkeys(transfer) if name]
    name = abstract.pop() if len(abstract) == 1 else None
    if name is None:
        found.unusable.append(f"context {context_id} has not one abstract syntax that is a UID")
    if not usable:
        found.unusable.append(f"context {context_id} has no transfer syntax that is a UID")
    content = item(ABSTRACT_SYNTAX, name.encode("ascii") if name else NEVER_SUPPORTED)
    for syntax in usable or [NEVER_SUPPORTED]:
        content += item(TRANSFER_SYNTAX, syntax)
    return item(REQUESTED_CONTEXT, bytes([context_id, 0, 0, 0]) + content)


def _require_known_identity(user: bytes) -> None:
    """Refuse types of user identity that there are not; the others are accepted and not verified.

    Source: PS3.7 D.3.3.7.
    """
    for kind, value in items(user):
        if kind == USER_IDENTITY and (not value or value[0] not in USER_IDENTITY_TYPES):
            raise MalformedItemError("a user identity of a type that there is not")
