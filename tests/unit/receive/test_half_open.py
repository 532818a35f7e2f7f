"""Connections without an association: newcomers get in, whoever waits longest goes."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from screening.receive.connections.half_open import HalfOpenConnections

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
    waiting = HalfOpenConnections(per_address=2, in_all=100)
    assert [waiting.add(pairs[0][0], "a"), waiting.add(pairs[1][0], "b")] == [None, None]
    assert waiting.add(pairs[2][0], "a") is None
    assert waiting.add(pairs[3][0], "a") == "a"
    assert [was_hung_up(pair) for pair in pairs[:4]] == [True, False, False, False]
    assert len(waiting) == 3


def test_too_many_in_all_lose_the_oldest_of_the_address_with_most(pairs: list[Pair]) -> None:
    """Who holds many places pays for a newcomer from elsewhere."""
    waiting = HalfOpenConnections(per_address=10, in_all=3)
    for pair, address in zip(pairs, "baa", strict=False):
        assert waiting.add(pair[0], address) is None
    assert waiting.add(pairs[3][0], "c") == "a"
    assert [was_hung_up(pair) for pair in pairs[:4]] == [False, True, False, False]


def test_who_has_left_is_not_hung_up_on(pairs: list[Pair]) -> None:
    """An association goes on, whatever becomes of the half-open; closing them ends the others."""
    waiting = HalfOpenConnections(per_address=1, in_all=10)
    waiting.add(pairs[0][0], "a")
    waiting.remove(pairs[0][0])
    assert waiting.add(pairs[1][0], "a") is None
    waiting.close()
    assert [was_hung_up(pair) for pair in pairs[:2]] == [False, True]
    assert len(waiting) == 0


def test_a_proxys_connections_count_for_its_clients(pairs: list[Pair]) -> None:
    """As soon as it has said whose they are; until then there may be any number."""
    waiting = HalfOpenConnections(per_address=1, in_all=100)
    for ours, _ in pairs[:3]:
        assert waiting.add(ours, "proxy", of_proxy=True) is None
    moved = [waiting.move(pairs[number][0], address) for number, address in enumerate("aba")]
    assert moved == [None, None, "a"]
    assert [was_hung_up(pair) for pair in pairs[:3]] == [True, False, False]
    assert waiting.move(pairs[0][0], "c") is None
    assert len(waiting) == 2
