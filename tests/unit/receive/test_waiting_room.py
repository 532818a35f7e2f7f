"""Connections without an association: newcomers get in, whoever waits longest goes."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from screening.receive.waiting_room import WaitingRoom

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    """Return connected sockets: ours and the peer's."""
    with ExitStack() as stack:
        made = [socket.socketpair() for _ in range(6)]
        for ours, theirs in made:
            stack.enter_context(ours)
            stack.enter_context(theirs)
            theirs.setblocking(False)
        yield made


def was_hung_up(pair: Pair) -> bool:
    """Return whether the peer sees the end of its connection."""
    try:
        return pair[1].recv(1) == b""
    except BlockingIOError:
        return False


def test_the_oldest_of_an_address_makes_room_for_its_newcomer(pairs: list[Pair]) -> None:
    """Other addresses are not touched by it."""
    room = WaitingRoom(per_address=2, in_all=100)
    assert [room.enter(pairs[0][0], "a"), room.enter(pairs[1][0], "b")] == [None, None]
    assert room.enter(pairs[2][0], "a") is None
    assert room.enter(pairs[3][0], "a") == "a"
    assert [was_hung_up(pair) for pair in pairs[:4]] == [True, False, False, False]
    assert len(room) == 3


def test_a_full_room_loses_the_oldest_of_the_address_with_most(pairs: list[Pair]) -> None:
    """Who holds many places pays for a newcomer from elsewhere."""
    room = WaitingRoom(per_address=10, in_all=3)
    for pair, address in zip(pairs, "baa", strict=False):
        assert room.enter(pair[0], address) is None
    assert room.enter(pairs[3][0], "c") == "a"
    assert [was_hung_up(pair) for pair in pairs[:4]] == [False, True, False, False]


def test_who_has_left_is_not_hung_up_on(pairs: list[Pair]) -> None:
    """An association goes on, whatever happens in the room; closing it ends the others."""
    room = WaitingRoom(per_address=1, in_all=10)
    room.enter(pairs[0][0], "a")
    room.leave(pairs[0][0])
    assert room.enter(pairs[1][0], "a") is None
    room.close()
    assert [was_hung_up(pair) for pair in pairs[:2]] == [False, True]
    assert len(room) == 0


def test_a_proxys_connections_count_for_its_clients(pairs: list[Pair]) -> None:
    """As soon as it has said whose they are; until then there may be any number."""
    room = WaitingRoom(per_address=1, in_all=100)
    for ours, _ in pairs[:3]:
        assert room.enter(ours, "proxy", of_proxy=True) is None
    moved = [room.move(pairs[number][0], address) for number, address in enumerate("aba")]
    assert moved == [None, None, "a"]
    assert [was_hung_up(pair) for pair in pairs[:3]] == [True, False, False]
    assert room.move(pairs[0][0], "c") is None
    assert len(room) == 2
