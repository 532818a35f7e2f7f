"""Command sets element by element, with whatever a test wants to be wrong (PS3.7 annex E)."""

import struct
from collections.abc import Mapping

from pydicom.uid import ComputedRadiographyImageStorage

CLASS, REQUESTED_CLASS, FIELD, MESSAGE_ID = 0x0002, 0x0003, 0x0100, 0x0110
PRIORITY, DATA_SET_TYPE, STATUS, COMMENT = 0x0700, 0x0800, 0x0900, 0x0902
INSTANCE, REQUESTED_INSTANCE, EVENT_TYPE, ACTION_TYPE = 0x1000, 0x1001, 0x1002, 0x1008
RESPONDED_TO = 0x0120
C_STORE, C_GET, C_FIND, C_MOVE, C_ECHO = 0x0001, 0x0010, 0x0020, 0x0021, 0x0030
N_EVENT_REPORT, N_ACTION, C_CANCEL, RESPONSE = 0x0100, 0x0130, 0x0FFF, 0x8000
NO_DATA_SET = 0x0101
PUSH_MODEL = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
Value = int | str | bytes | None
Elements = Mapping[int, Value]

STORE: Elements = {
    CLASS: str(ComputedRadiographyImageStorage),
    FIELD: C_STORE,
    MESSAGE_ID: 7,
    PRIORITY: 0,
    DATA_SET_TYPE: 1,
    INSTANCE: "1.2.3.1.1.1",
}
ECHO: Elements = {
    CLASS: "1.2.840.10008.1.1",
    FIELD: C_ECHO,
    MESSAGE_ID: 7,
    DATA_SET_TYPE: NO_DATA_SET,
}
ACTION: Elements = {
    REQUESTED_CLASS: PUSH_MODEL,
    FIELD: N_ACTION,
    MESSAGE_ID: 7,
    DATA_SET_TYPE: 1,
    REQUESTED_INSTANCE: PUSH_MODEL_INSTANCE,
    ACTION_TYPE: 1,
}
REPORT: Elements = {
    CLASS: PUSH_MODEL,
    FIELD: N_EVENT_REPORT,
    MESSAGE_ID: 7,
    DATA_SET_TYPE: 1,
    INSTANCE: PUSH_MODEL_INSTANCE,
    EVENT_TYPE: 1,
}


def command_set(elements: Elements, *, group_length: int | None = None) -> bytes:
    """Return a command set in Implicit VR Little Endian; None leaves an element out.

    A text gets the padding of UIDs; group_length: another than the right one.
    """
    body = b""
    for tag, value in sorted(elements.items()):
        if value is not None:
            encoded = _encoded(value)
            body += struct.pack("<HHI", 0, tag, len(encoded)) + encoded
    length = len(body) if group_length is None else group_length
    return struct.pack("<HHII", 0, 0, 4, length) + body


def elements_of(encoded: bytes) -> dict[int, bytes]:
    """Return the values of a command set by element."""
    found = {}
    at = 0
    while at < len(encoded):
        _, tag, length = struct.unpack_from("<HHI", encoded, at)
        found[tag] = encoded[at + 8 : at + 8 + length]
        at += 8 + length
    return found


def number(value: bytes) -> int:
    """Return a US value."""
    assert len(value) == 2
    return int.from_bytes(value, "little")


def _encoded(value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(2, "little")
    if isinstance(value, str):
        value = value.encode("ascii")
        return value + b"\0" * (len(value) % 2)
    return value
