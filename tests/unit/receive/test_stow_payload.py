"""A payload is cut into the parts that it was made of, however it arrives."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.receive.stow_rs import payload as module
from screening.receive.stow_rs.payload import Payload, PayloadError, payload_of

BOUNDARY = b"b-b"
RELATED = 'multipart/related; type="application/dicom"; boundary="b-b"'
PIECES = st.lists(st.integers(1, 40), min_size=1, max_size=8)
"""Sizes of the pieces in which a payload arrives, again and again."""


class Kept:
    """A part that keeps what it is given."""

    def __init__(self, media_type: str) -> None:
        self.media_type = media_type
        self.data = bytearray()
        self.is_whole = False

    def write(self, data: memoryview) -> None:
        """Append."""
        assert not self.is_whole
        self.data += data

    def end(self) -> None:
        """Note that it is whole."""
        self.is_whole = True


def opened(content_type: str = RELATED) -> tuple[Payload, list[Kept]]:
    """Return a payload, and the list that its parts go to."""
    parts: list[Kept] = []

    def begin(media_type: str) -> Kept:
        parts.append(Kept(media_type))
        return parts[-1]

    return payload_of(content_type, begin), parts


def arrive(payload: Payload, body: bytes, sizes: Sequence[int]) -> None:
    """Write a body in pieces of these sizes."""
    place = number = 0
    while place < len(body):
        size = sizes[number % len(sizes)]
        payload.write(body[place : place + size])
        place, number = place + size, number + 1


def written(parts: Sequence[bytes]) -> bytes:
    """Return a payload of these parts."""
    head = b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom; transfer-syntax=*\r\n\r\n"
    return b"".join(head + part + b"\r\n" for part in parts) + b"--" + BOUNDARY + b"--\r\nend"


almost = st.sampled_from([b"\r\n", b"\r\n--", b"\r\n--b", b"--b-b", b"\r\n--b-", b"-", b"\r", b"x"])
"""What looks like a delimiter and is none, above all where a piece ends in it."""
contents = (
    st.lists(almost, max_size=12)
    .map(lambda pieces: b"x".join([b"", *pieces, b""]))
    .filter(lambda one: b"\r\n--b-b" not in one)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(contents, min_size=1, max_size=4), PIECES)
def test_parts_come_out_as_they_went_in_however_they_arrive(
    parts: list[bytes], sizes: list[int]
) -> None:
    """No byte is lost, added or put into another part, wherever the pieces end."""
    payload, found = opened()
    arrive(payload, written(parts), sizes)
    payload.finish()
    assert [bytes(one.data) for one in found] == parts
    assert all(one.is_whole and one.media_type == "application/dicom" for one in found)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(almost, st.binary(max_size=8)), max_size=20).map(b"".join), PIECES)
def test_whatever_comes_is_cut_or_refused(body: bytes, sizes: list[int]) -> None:
    """No other error than PayloadError, also where a whole part stands before it."""
    for before in (b"", written([b"whole"])[:-9]):
        payload, found = opened()
        refused = 400
        try:
            arrive(payload, before + body, sizes)
            payload.finish()
        except PayloadError as error:
            refused = error.status
        assert refused == 400
        assert sum(not one.is_whole for one in found) <= 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200))
def test_a_payload_that_breaks_off_is_never_whole(left: int) -> None:
    """Its last part does not count as whole before its delimiter has come."""
    body = written([b"one", b"other"])
    payload, found = opened()
    cut = body[: min(left, len(body) - len(b"--\r\nend"))]
    arrive(payload, cut, [7])
    with pytest.raises(PayloadError, match="closing delimiter"):
        payload.finish()
    assert all(bytes(one.data) in {b"one", b"other"} for one in found if one.is_whole)


def test_parts_and_headers_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many parts, and no header of any length: a part costs memory before it has data."""
    monkeypatch.setattr(module, "MOST_PARTS", 3)
    payload, _ = opened()
    with pytest.raises(PayloadError) as raised:
        payload.write(written([b"x"] * 4))
    assert raised.value.status == 413
    payload, _ = opened()
    with pytest.raises(PayloadError):
        payload.write(b"--b-b\r\nContent-Type: " + b"x" * 100_000)
    payload, _ = opened()
    with pytest.raises(PayloadError):
        payload.write(b"--b-b\r\n" + b"a: b\r\n" * 1000)
