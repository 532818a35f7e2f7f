"""Damages an object as devices, networks and attackers do: lengths, tags, VRs, order, pixels."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from screening.errors import ScreeningError
from tests.fuzz.parts import Part, encoded_length, joined, taken_apart
from tests.fuzz.values import LENGTHS, MARKERS, NUMBERS, STRUCTURE_TAGS, TAGS, TEXTS, VRS

Draw = Callable[[st.SearchStrategy], object]
Edit = Callable[[Callable, list[Part]], None]
MOST_EDITS = 5
DEEPEST = 40
MOST_COPIES = 300
ITEM, END_OF_ITEM, END_OF_SEQUENCE = (b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0")


def damaged_objects(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return a strategy of objects made of `seeds` by a few edits; or none, now and then."""
    taken = [parts for seed in seeds if (parts := _parts(seed))]

    @st.composite
    def damaged(draw: Callable) -> bytes:
        parts = list(draw(st.sampled_from(taken)))
        for edit in draw(st.lists(st.sampled_from(EDITS), max_size=MOST_EDITS)):
            if parts:
                edit(draw, parts)
        if draw(st.integers(0, 7)) == 7:
            other = draw(st.sampled_from(taken))
            parts[draw(_place(parts)) :] = other[draw(_place(other)) :]
        content = joined(parts)
        if draw(st.integers(0, 7)) == 7:
            return content[: draw(st.integers(0, len(content)))]
        return content

    return damaged()


def _parts(seed: bytes) -> tuple[Part, ...]:
    try:
        return taken_apart(seed)
    except ScreeningError:
        return (Part(value=seed),)


def _place(parts: Sequence[Part]) -> st.SearchStrategy[int]:
    return st.integers(0, max(0, len(parts) - 1))


def _length(draw: Callable, parts: list[Part]) -> None:
    place = draw(_place(parts))
    part = parts[place]
    near = tuple(max(0, len(part.value) + more) for more in (-2, -1, 1, 2, len(part.value)))
    size = draw(st.sampled_from(LENGTHS + near))
    parts[place] = replace(part, length=encoded_length(part, size)) if part.length else part


def _value(draw: Callable, parts: list[Part]) -> None:
    """Give an element another value, of the right length or of the old one."""
    place = draw(_place(parts))
    part = replace(parts[place], value=draw(_values(parts[place].order)))
    told = part.length and draw(st.booleans())
    parts[place] = replace(part, length=encoded_length(part, len(part.value))) if told else part


def _attribute(draw: Callable, parts: list[Part]) -> None:
    """Give an attribute that the product reads another value; put it in where it is absent."""
    tag = draw(st.sampled_from(TAGS))
    value = draw(_values("<"))
    for place, part in enumerate(parts):
        if part.number == tag:
            parts[place] = replace(part, value=value, length=encoded_length(part, len(value)))
            return
    parts.insert(draw(_place(parts)), _element(tag, draw(st.sampled_from(VRS)), value))


def _tag(draw: Callable, parts: list[Part]) -> None:
    place = draw(_place(parts))
    tag = draw(st.sampled_from(TAGS + STRUCTURE_TAGS))
    parts[place] = replace(parts[place], tag=_encoded_tag(tag, parts[place].order))


def _vr(draw: Callable, parts: list[Part]) -> None:
    place = draw(_place(parts))
    if vr := parts[place].vr:
        parts[place] = replace(parts[place], vr=draw(st.sampled_from(VRS)) + vr[2:])


def _remove(draw: Callable, parts: list[Part]) -> None:
    del parts[draw(_place(parts))]


def _repeat(draw: Callable, parts: list[Part]) -> None:
    place = draw(_place(parts))
    if len(parts[place].value) < 256:
        parts[place:place] = [parts[place]] * draw(st.integers(1, MOST_COPIES))


def _move(draw: Callable, parts: list[Part]) -> None:
    part = parts.pop(draw(_place(parts)))
    parts.insert(draw(_place(parts)), part)


def _nest(draw: Callable, parts: list[Part]) -> None:
    """Put sequences into sequences, which may have no end."""
    depth, place = draw(st.integers(1, DEEPEST)), draw(_place(parts))
    head = _element(draw(st.sampled_from(TAGS)), b"SQ", b"", length=0xFFFFFFFF)
    begin = [head, Part(ITEM, b"", b"\xff" * 4)] * depth
    end = [Part(END_OF_ITEM, b"", b"\0" * 4), Part(END_OF_SEQUENCE, b"", b"\0" * 4)] * depth
    parts[place:place] = begin + end[: draw(st.integers(0, len(end)))]


def _bytes(draw: Callable, parts: list[Part]) -> None:
    """Write into a value, most often one of the longest: pixels, fragments, tables."""
    longest = sorted(range(len(parts)), key=lambda place: -len(parts[place].value))[:3]
    place = draw(st.sampled_from(longest) | _place(parts))
    value = bytearray(parts[place].value)
    at = draw(st.integers(0, min(len(value), 96)) | st.integers(0, len(value)))
    new = draw(st.sampled_from(MARKERS) | st.binary(min_size=1, max_size=8))
    value[at : at + len(new)] = new
    parts[place] = replace(parts[place], value=bytes(value))


EDITS: tuple[Edit, ...] = (
    _length,
    _value,
    _attribute,
    _attribute,
    _tag,
    _vr,
    _remove,
    _repeat,
    _move,
    _nest,
    _bytes,
    _bytes,
)


def _values(order: str) -> st.SearchStrategy[bytes]:
    numbers = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4).map(
        lambda found: struct.pack(f"{order}{len(found)}H", *found)
    )
    return st.sampled_from(TEXTS) | numbers | st.binary(max_size=16)


def _element(tag: int, vr: bytes, value: bytes, *, length: int | None = None) -> Part:
    is_long = vr in b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()
    part = Part(
        _encoded_tag(tag, "<"), vr + (b"\0\0" if is_long else b""), b"\0" * (4 if is_long else 2)
    )
    size = len(value) if length is None else length
    return replace(part, value=value, length=encoded_length(part, size))


def _encoded_tag(tag: int, order: str) -> bytes:
    return struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
