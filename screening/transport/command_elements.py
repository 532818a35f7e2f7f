"""Elements of command sets as bytes, Implicit VR Little Endian. Source: PS3.7 6.3.1, annex E."""

import struct
from collections.abc import Mapping

from screening.domain.instance import fault_of_uid

AFFECTED_SOP_CLASS_UID, REQUESTED_SOP_CLASS_UID = 0x0002, 0x0003
COMMAND_FIELD, MESSAGE_ID, MESSAGE_ID_RESPONDED_TO = 0x0100, 0x0110, 0x0120
PRIORITY, COMMAND_DATA_SET_TYPE, STATUS, ERROR_COMMENT = 0x0700, 0x0800, 0x0900, 0x0902
AFFECTED_SOP_INSTANCE_UID, REQUESTED_SOP_INSTANCE_UID = 0x1000, 0x1001
EVENT_TYPE_ID, ACTION_TYPE_ID = 0x1002, 0x1008
ATTRIBUTE_IDENTIFIER_LIST = 0x1005
"""Elements of group 0000. Source: PS3.7 annex E."""
UID_ELEMENTS = {
    AFFECTED_SOP_CLASS_UID,
    REQUESTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    REQUESTED_SOP_INSTANCE_UID,
}
C_STORE, C_FIND, C_ECHO, C_CANCEL = 0x0001, 0x0020, 0x0030, 0x0FFF
N_EVENT_REPORT, N_GET, N_SET, N_ACTION = 0x0100, 0x0110, 0x0120, 0x0130
RESPONSE = 0x8000
"""Command Fields, and the bit of a response."""
NO_DATA_SET = 0x0101


class UnusableCommandError(Exception):
    """A command set that cannot be decoded."""


def elements_in(encoded: bytes) -> dict[int, bytes]:
    """Return the values of group 0000 by element; of one that comes twice, the first.

    Raises UnusableCommandError where lengths do not add up, or there is none.
    """
    elements: dict[int, bytes] = {}
    at = 0
    while at < len(encoded):
        if len(encoded) - at < 8:  # noqa: PLR2004  tag and length
            raise UnusableCommandError("a command set that ends within an element")
        group, element, length = struct.unpack_from("<HHI", encoded, at)
        at += 8
        if length > len(encoded) - at:
            raise UnusableCommandError("an element of a command set that is longer than it")
        if group == 0:
            elements.setdefault(element, encoded[at : at + length])
        at += length
    if not elements:
        raise UnusableCommandError("a command set without elements")
    return elements


def number_in(elements: Mapping[int, bytes], tag: int) -> int | None:
    """Return a US value, None where it is absent, empty or not valid."""
    value = elements.get(tag, b"")
    return int.from_bytes(value, "little") if len(value) == 2 else None  # noqa: PLR2004  US


def uid_in(elements: Mapping[int, bytes], tag: int) -> str:
    """Return a UID without its padding, "" where it is absent or not valid."""
    text = elements.get(tag, b"").strip(b" \0").decode("latin-1")
    return "" if fault_of_uid(text) else text


def number(value: int) -> bytes:
    """Return a US value."""
    return value.to_bytes(2, "little")


def even(text: str, padding: str) -> bytes:
    """Return an ASCII text of even length."""
    return (text + padding * (len(text) % 2)).encode("ascii")


def encoded_elements(elements: Mapping[int, bytes]) -> bytes:
    """Return a command set with its group length."""
    body = b"".join(
        struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in sorted(elements.items())
    )
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body
