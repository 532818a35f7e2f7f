"""Damages recorded conversations: items, lengths, order of PDUs, where they are cut."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from tests.fuzz.conversation import Conversation, Turn
from tests.fuzz.object_edits import damaged_objects
from tests.fuzz.parts import Part, encoded_length, joined
from tests.fuzz.pdu_parts import pdu_taken_apart, with_right_lengths
from tests.fuzz.values import LENGTHS, NUMBERS, TEXTS
from tests.peers.hostile_peer import (
    COMMAND,
    CR_CONTEXT_ID,
    LAST_FRAGMENT,
    association_request,
    p_data,
    pdu,
    store_command,
)

MOST_EDITS = 4
MOST_TURNS = 60
LONGEST_FRAGMENT_BYTES = 8192
KINDS = (0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0xFF)
ITEM_KINDS = (0x10, 0x20, 0x21, 0x30, 0x40, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58)
ITEM_KINDS += (0x59, 0x00, 0xFF)
COMMAND_ELEMENTS = (0x0000, 0x0001, 0x0002, 0x0003, 0x0100, 0x0110, 0x0120, 0x0700, 0x0800, 0x0900)
COMMAND_ELEMENTS += (0x0902, 0x1000, 0x1001, 0x1002, 0x1005, 0x1008, 0x1021, 0x1031, 0xFFFF)
COMMANDS = (0x0001, 0x8001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0FFF, 0x0100, 0x0110, 0x0120, 0x0130)
COMMANDS += (0x0140, 0x0150, 0x8030, 0x8100, 0x8130, 0xFFFF, 0x0101)
"""Command Field. Source: PS3.7 E.1."""


def damaged_conversations(
    recorded: Sequence[Conversation], objects: Sequence[bytes]
) -> st.SearchStrategy[Conversation]:
    """Return a strategy of recorded conversations with a few edits, and of damaged objects sent."""
    return _damaged(recorded) | _damaged(recorded) | _stored(objects)


@st.composite
def _damaged(draw: Callable, recorded: Sequence[Conversation]) -> Conversation:
    turns = list(draw(st.sampled_from(recorded)).turns)
    for edit in draw(st.lists(st.sampled_from(EDITS), max_size=MOST_EDITS)):
        if turns:
            edit(draw, turns, recorded)
    return Conversation(tuple(turns[:MOST_TURNS]), is_reset=draw(st.integers(0, 3)) == 3)


@st.composite
def _stored(draw: Callable, objects: Sequence[bytes]) -> Conversation:
    """Send a damaged object's data set behind a whole request."""
    content = draw(damaged_objects(objects))
    size = draw(st.sampled_from((64, 1000, LONGEST_FRAGMENT_BYTES)))
    data_set = content[min(len(content), 132) :][: MOST_TURNS // 2 * size]
    pieces = [data_set[at : at + size] for at in range(0, len(data_set), size)] or [b""]
    controls = [0] * (len(pieces) - 1) + [LAST_FRAGMENT]
    sent = [
        p_data(CR_CONTEXT_ID, control, piece)
        for control, piece in zip(controls, pieces, strict=True)
    ]
    command = p_data(CR_CONTEXT_ID, COMMAND | LAST_FRAGMENT, store_command())
    turns = [Turn(association_request(), waits=True), Turn(command, waits=False)]
    turns += [Turn(one, waits=False) for one in sent[:-1]]
    turns += [Turn(sent[-1], waits=True), Turn(pdu(0x05, bytes(4)), waits=True)]
    return Conversation(tuple(turns))


def _place(turns: Sequence[object]) -> st.SearchStrategy[int]:
    return st.integers(0, max(0, len(turns) - 1))


def _parts(draw: Callable, turns: list[Turn], _: object) -> None:
    """Damage items, fragments or command elements of one PDU; its length may be right after it."""
    place = draw(_place(turns) | st.just(0))
    sent = turns[place].sent
    parts = list(pdu_taken_apart(sent)) if len(sent) >= 6 else [Part(value=sent)]
    for edit in draw(st.lists(st.sampled_from(PART_EDITS), min_size=1, max_size=MOST_EDITS)):
        if parts:
            edit(draw, parts)
    if draw(st.integers(0, 3)):
        parts = with_right_lengths(parts)
    turns[place] = replace(turns[place], sent=joined(parts))


def _remove(draw: Callable, turns: list[Turn], _: object) -> None:
    del turns[draw(_place(turns))]


def _repeat(draw: Callable, turns: list[Turn], _: object) -> None:
    place = draw(_place(turns))
    quiet = replace(turns[place], waits=False)
    turns[place:place] = [quiet] * draw(st.integers(1, 12))


def _move(draw: Callable, turns: list[Turn], _: object) -> None:
    turn = turns.pop(draw(_place(turns)))
    turns.insert(draw(_place(turns)), turn)


def _do_not_wait(draw: Callable, turns: list[Turn], _: object) -> None:
    del draw
    turns[:] = [replace(turn, waits=False) for turn in turns]


def _other(draw: Callable, turns: list[Turn], recorded: Sequence[Conversation]) -> None:
    """Go on as another conversation does."""
    other = draw(st.sampled_from(recorded)).turns
    turns[draw(_place(turns)) :] = other[draw(_place(other)) :]


def _odd_pdu(draw: Callable, turns: list[Turn], _: object) -> None:
    content = draw(st.binary(max_size=12))
    size = draw(st.none() | st.sampled_from(LENGTHS))
    made = pdu(draw(st.sampled_from(KINDS)), content, announced_bytes=size)
    turns.insert(draw(_place(turns)), Turn(made, waits=draw(st.booleans())))


def _cut(draw: Callable, turns: list[Turn], _: object) -> None:
    """Send a PDU in two, or only its beginning."""
    place = draw(_place(turns))
    turn = turns[place]
    at = draw(st.integers(0, len(turn.sent)))
    begun = Turn(turn.sent[:at], waits=draw(st.booleans()))
    rest = [] if draw(st.booleans()) else [replace(turn, sent=turn.sent[at:])]
    turns[place : place + 1] = [begun, *rest]


def _end(draw: Callable, turns: list[Turn], _: object) -> None:
    del turns[draw(_place(turns)) :]


EDITS = (
    _parts,
    _parts,
    _parts,
    _remove,
    _repeat,
    _move,
    _do_not_wait,
    _other,
    _odd_pdu,
    _cut,
    _end,
)


def _length(draw: Callable, parts: list[Part]) -> None:
    place = draw(_place(parts))
    part = parts[place]
    near = tuple(max(0, len(part.value) + more) for more in (-2, -1, 1, 2))
    if part.length:
        size = draw(st.sampled_from(LENGTHS + near))
        length = encoded_length(part, size)
        parts[place] = replace(part, length=length)


def _value(draw: Callable, parts: list[Part]) -> None:
    place = draw(_place(parts))
    part = replace(parts[place], value=draw(_values(parts[place].order)))
    if part.length and draw(st.integers(0, 3)):
        part = replace(part, length=encoded_length(part, len(part.value)))
    parts[place] = part


def _bytes(draw: Callable, parts: list[Part]) -> None:
    place = draw(_place(parts))
    value = bytearray(parts[place].value)
    at = draw(st.integers(0, len(value)))
    new = draw(st.binary(min_size=1, max_size=4))
    value[at : at + len(new)] = new
    parts[place] = replace(parts[place], value=bytes(value))


def _kind(draw: Callable, parts: list[Part]) -> None:
    place = draw(_place(parts))
    tag = parts[place].tag
    if len(tag) == 2:
        kinds = KINDS if place == 0 else ITEM_KINDS
        parts[place] = replace(parts[place], tag=bytes([draw(st.sampled_from(kinds))]) + tag[1:])
    elif len(tag) == 4:
        element = draw(st.sampled_from(COMMAND_ELEMENTS))
        parts[place] = replace(parts[place], tag=struct.pack("<HH", 0, element))


def _remove_part(draw: Callable, parts: list[Part]) -> None:
    del parts[draw(_place(parts))]


def _repeat_part(draw: Callable, parts: list[Part]) -> None:
    place = draw(_place(parts))
    parts[place:place] = [parts[place]] * draw(st.integers(1, 140))


def _move_part(draw: Callable, parts: list[Part]) -> None:
    part = parts.pop(draw(_place(parts)))
    parts.insert(draw(_place(parts)), part)


PART_EDITS = (_length, _value, _value, _bytes, _kind, _remove_part, _repeat_part, _move_part)


def _values(order: str) -> st.SearchStrategy[bytes]:
    numbers = st.sampled_from(NUMBERS + COMMANDS).map(lambda one: struct.pack(order + "H", one))
    context = st.tuples(st.integers(0, 255), st.integers(0, 3)).map(bytes)
    return numbers | context | st.sampled_from(TEXTS) | st.binary(max_size=8)
