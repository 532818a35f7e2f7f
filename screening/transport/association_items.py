"""The items of association PDUs as bytes, read as PS3.8 9.3.1 asks: what is unknown is skipped.

pynetdicom 3.0.4 fails on items that it does not know, texts padded with NUL, and names that are too
long, so what a peer sent is re-encoded in plain form before pynetdicom sees it. See
docs/decisions/0019-plain-form-for-pynetdicom.md.
"""

import struct
from collections.abc import Iterator

from screening.domain.instance import fault_of_uid

FIXED_BYTES = 74
"""Of an A-ASSOCIATE-RQ or -AC, its header included, before the items. Source: PS3.8 9.3.2."""
PROTOCOL_VERSION_1 = b"\x00\x01\x00\x00"
APPLICATION_CONTEXT, REQUESTED_CONTEXT, ACCEPTED_CONTEXT, USER_INFORMATION = 0x10, 0x20, 0x21, 0x50
ABSTRACT_SYNTAX, TRANSFER_SYNTAX = 0x30, 0x40
MAXIMUM_LENGTH, IMPLEMENTATION_CLASS, ROLE_SELECTION, VERSION_NAME = 0x51, 0x52, 0x54, 0x55
USER_IDENTITY = 0x58
"""Item types. Source: PS3.8 9.3.2 and annex D, PS3.7 annex D.3.3."""

DICOM_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
"""Source: PS3.7 A.2.1."""
AE_TITLE_BYTES = 16
PADDING = b" \0"
SMALLEST_MAXIMUM_LENGTH = 7
"""Bytes of a P-DATA-TF that carries one byte: six come before it. Source: PS3.8 9.3.5.1."""
UNLIMITED = 0
_ITEM_HEAD = struct.Struct(">BxH")


class MalformedItemError(Exception):
    """An association PDU that cannot be used; the text says why and holds none of its values."""


def items(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """Return type and value of each item or sub-item; a few zero bytes at the end are padding.

    Raises MalformedItemError where an item is longer than what is left.
    """
    at = 0
    while at < len(encoded):
        if len(encoded) - at < _ITEM_HEAD.size and not any(encoded[at:]):
            return
        head = encoded[at : at + _ITEM_HEAD.size]
        if len(head) < _ITEM_HEAD.size:
            raise MalformedItemError("an item that is cut short")
        kind, length = _ITEM_HEAD.unpack(head)
        at += _ITEM_HEAD.size
        if length > len(encoded) - at:
            raise MalformedItemError(f"an item 0x{kind:02X} that is longer than its PDU")
        yield kind, encoded[at : at + length]
        at += length


def item(kind: int, value: bytes) -> bytes:
    """Return an item with this value."""
    return _ITEM_HEAD.pack(kind, len(value)) + value


def association_pdu(pdu_type: int, called: str, calling: str, body: bytes) -> bytes:
    """Return an A-ASSOCIATE-RQ or -AC; AE titles of up to 16 ASCII characters."""
    titles = called.ljust(AE_TITLE_BYTES) + calling.ljust(AE_TITLE_BYTES)
    content = PROTOCOL_VERSION_1 + titles.encode("ascii") + bytes(32) + body
    return struct.pack(">BxI", pdu_type, len(content)) + content


def ae_title(field: bytes) -> str | None:
    """Return an AE title without its padding, None where it is invalid. Source: PS3.5 6.2 (AE)."""
    return _plain_text(field)


def uid(field: bytes) -> str | None:
    """Return a UID without its padding, None where it cannot be one: empty, too long, not text."""
    text = field.rstrip(PADDING).decode("latin-1")
    return text if text and not fault_of_uid(text) else None


def user_information(value: bytes, longest_pdu_bytes: int) -> bytes:
    """Return a User Information item in plain form: maximum length, implementation, roles.

    value: that of the peer's item, b"" where there was none; longest_pdu_bytes: what we send where
    the peer takes more or does not say. Invalid names and UIDs of the peer's implementation
    are left out, and so are duplicates and what is not supported here. Source: PS3.8 annex D.
    Raises MalformedItemError where a sub-item that is used is malformed.
    """
    found: dict[int, bytes] = {}
    roles: dict[bytes, bytes] = {}
    for kind, sub_item in items(value):
        if kind == ROLE_SELECTION:
            if role := _role_selection(sub_item):
                roles.setdefault(role[2:-2], role)
        else:
            found.setdefault(kind, sub_item)
    longest = _maximum_length(found.get(MAXIMUM_LENGTH), longest_pdu_bytes)
    plain = item(MAXIMUM_LENGTH, struct.pack(">I", longest))
    if class_uid := uid(found.get(IMPLEMENTATION_CLASS, b"")):
        plain += item(IMPLEMENTATION_CLASS, class_uid.encode("ascii"))
    if version := _plain_text(found.get(VERSION_NAME, b"")):
        plain += item(VERSION_NAME, version.encode("ascii"))
    for role in roles.values():
        plain += item(ROLE_SELECTION, role)
    return item(USER_INFORMATION, plain)


def _plain_text(field: bytes) -> str | None:
    """Return a text of 1 to 16 printable ASCII characters without its padding, else None."""
    text = field.rstrip(PADDING).lstrip(b" ").decode("latin-1")
    fits = 0 < len(text) <= AE_TITLE_BYTES and text.isascii() and text.isprintable()
    return text if fits and "\\" not in text else None


def _maximum_length(sub_item: bytes | None, longest_pdu_bytes: int) -> int:
    if sub_item is None:
        return longest_pdu_bytes
    if len(sub_item) != struct.calcsize(">I"):
        raise MalformedItemError("a Maximum Length that is no number of four bytes")
    wanted = int.from_bytes(sub_item)
    if wanted == UNLIMITED:
        return longest_pdu_bytes
    if wanted < SMALLEST_MAXIMUM_LENGTH:
        raise MalformedItemError(f"a Maximum Length of {wanted}, in which no message has room")
    return min(wanted, longest_pdu_bytes)


def _role_selection(sub_item: bytes) -> bytes | None:
    """Return a role selection in plain form, None where it is malformed. PS3.7 D.3.3.4."""
    length = int.from_bytes(sub_item[:2])
    sop_class, roles = uid(sub_item[2 : 2 + length]), sub_item[2 + length :]
    if sop_class is None or len(roles) != len("SU") or max(roles) > 1:
        return None
    plain = sop_class.encode("ascii")
    return len(plain).to_bytes(2) + plain + roles
