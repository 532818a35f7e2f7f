"""The fragments of messages in a P-DATA-TF, and P-DATA-TFs made of them. Source: PS3.8 9.3.5."""

import struct
from collections.abc import Iterable, Iterator

P_DATA_TF = 0x04
COMMAND, LAST = 1, 2
"""Bits of the message control header. Source: PS3.8 E.2."""
PDV_HEAD_BYTES = 6
"""Length (4 bytes), presentation context ID and message control header."""
_HEAD = struct.Struct(">BxI")
_ITEM = struct.Struct(">IB")
_LENGTH = struct.Struct(">I")
DataValue = tuple[int, memoryview | bytes]
"""A presentation context ID, and a fragment with its message control header."""


class MalformedDataValueError(Exception):
    """Presentation data values whose lengths do not add up."""


def data_values(body: memoryview) -> Iterator[DataValue]:
    """Yield what a P-DATA-TF holds, given all of it but its header, without copying.

    Raises MalformedDataValueError.
    """
    at = 0
    while at < len(body):
        if len(body) - at < PDV_HEAD_BYTES:
            raise MalformedDataValueError
        (length,) = _LENGTH.unpack_from(body, at)
        end = at + 4 + length
        if length < 2 or end > len(body):  # noqa: PLR2004  context ID and control header
            raise MalformedDataValueError
        yield body[at + 4], body[at + 5 : end]
        at = end


def command_pdus(context_id: int, command_set: bytes, longest_bytes: int) -> Iterator[bytes]:
    """Yield the P-DATA-TFs of a command set. longest_bytes: the peer's Maximum Length."""
    size = longest_bytes - PDV_HEAD_BYTES
    for start in range(0, len(command_set), size):
        fragment = command_set[start : start + size]
        control = COMMAND | (LAST if start + size >= len(command_set) else 0)
        yield data_pdu([(context_id, bytes([control]) + fragment)])


def data_pdu(values: Iterable[DataValue]) -> bytes:
    """Return the P-DATA-TF of presentation data values."""
    items = [
        _ITEM.pack(len(fragment) + 1, context_id) + fragment for context_id, fragment in values
    ]
    return _HEAD.pack(P_DATA_TF, sum(map(len, items))) + b"".join(items)
