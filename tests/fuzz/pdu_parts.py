"""A PDU taken apart into items, fragments and command elements. Source: PS3.8 9.3, PS3.7 E."""

import struct
from collections.abc import Iterator

from tests.fuzz.parts import Part
from tests.peers.hostile_peer import HEADER_BYTES

A_ASSOCIATE_RQ, P_DATA_TF = 0x01, 0x04
FIXED_BYTES = 68
"""Of an A-ASSOCIATE-RQ, before its items: version, AE titles, reserved."""
PRESENTATION_CONTEXT, USER_INFORMATION = 0x20, 0x50
COMMAND = 0x01


def pdu_taken_apart(pdu: bytes) -> tuple[Part, ...]:
    """Return the parts of a PDU, its header first; joined they are the PDU."""
    header = Part(pdu[:2], b"", pdu[2:HEADER_BYTES], b"", ">")
    content = pdu[HEADER_BYTES:]
    if pdu[0] == A_ASSOCIATE_RQ:
        parts = (Part(value=content[:FIXED_BYTES]), *_items(content[FIXED_BYTES:]))
    elif pdu[0] == P_DATA_TF:
        parts = tuple(_fragments(content))
    else:
        parts = (Part(value=content),)
    assert bytes(header) + b"".join(map(bytes, parts)) == pdu
    return (header, *parts)


def with_right_lengths(parts: list[Part]) -> list[Part]:
    """Return the parts with the PDU's length, and that of a lone fragment, made right."""
    if not parts or len(parts[0].length) != 4:
        return parts
    size = sum(len(bytes(part)) for part in parts[1:])
    header, rest = parts[0], list(parts[1:])
    if header.tag[:1] == bytes([P_DATA_TF]) and rest and _is_fragment(rest[0]):
        alone = sum(_is_fragment(part) for part in rest) == 1
        rest[0] = _sized(rest[0], size - 4) if alone else rest[0]
    return [_sized(header, size), *rest]


def _is_fragment(part: Part) -> bool:
    return not part.tag and len(part.length) == 4


def _sized(part: Part, size_bytes: int) -> Part:
    length = struct.pack(">L", size_bytes & 0xFFFFFFFF)
    return Part(part.tag, part.vr, length, part.value, part.order)


def _items(content: bytes) -> Iterator[Part]:
    while len(content) >= 4:
        kind, length = content[0], int.from_bytes(content[2:4])
        inside = {PRESENTATION_CONTEXT: 4, USER_INFORMATION: 0}.get(kind, length)
        if 4 + inside > len(content):
            break
        yield Part(content[:2], b"", content[2:4], content[4 : 4 + inside], ">")
        content = content[4 + inside :]
    if content:
        yield Part(value=content)


def _fragments(content: bytes) -> Iterator[Part]:
    while len(content) >= 6:
        length = int.from_bytes(content[:4])
        if length < 2 or 4 + length > len(content):
            break
        yield Part(b"", b"", content[:4], content[4:6], ">")
        fragment = content[6 : 4 + length]
        if content[5] & COMMAND:
            yield from _command(fragment)
        elif fragment:
            yield Part(value=fragment)
        content = content[4 + length :]
    if content:
        yield Part(value=content)


def _command(fragment: bytes) -> Iterator[Part]:
    while len(fragment) >= 8:
        length = int.from_bytes(fragment[4:8], "little")
        if 8 + length > len(fragment):
            break
        yield Part(fragment[:4], b"", fragment[4:8], fragment[8 : 8 + length], "<")
        fragment = fragment[8 + length :]
    if fragment:
        yield Part(value=fragment)
