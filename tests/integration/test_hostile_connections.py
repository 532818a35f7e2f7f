"""Connections that ask for no association, or badly, harm nobody else (PS3.8 9.1, 9.3)."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from screening.db.session import Database
from screening.storage_scu.association import Context, NotAssociatedError, associate
from screening.storage_scu.outcomes import Outcome
from screening.storage_scu.verification import answers_echo
from tests.peers.hostile_peer import (
    A_ABORT,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    association_request,
    hostile_peer,
    pdu,
    resident_mib,
)
from tests.peers.receiving import (
    SUCCESS,
    Receiver,
    hardly_slower,
    radiograph,
    running_receiver,
    slow_echo_s,
)
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration
ECHO = Context("1.2.840.10008.1.1", "1.2.840.10008.1.2")
TEMPORARY_CONGESTION = (0x03, b"\x00\x02\x03\x01")
ARTIM_TIMEOUT_S = 2.0


@pytest.fixture
def receiver(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP with few places."""
    with running_receiver(
        tmp_path,
        migrated_database,
        max_associations=2,
        max_half_open_per_address=8,
        artim_timeout_s=ARTIM_TIMEOUT_S,
    ) as running:
        yield running


def idle(receiver: Receiver, stack: ExitStack, count: int) -> list[socket.socket]:
    """Open connections that stay silent."""
    address = (receiver.peer.host, receiver.peer.port)
    return [stack.enter_context(socket.create_connection(address, 10)) for _ in range(count)]


def has_ended(connection: socket.socket) -> bool:
    """Return whether the SCP has closed a connection."""
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_200_idle_connections_keep_no_modality_out(receiver: Receiver) -> None:
    """From the same address even: those that wait longest go, and nobody waits for them."""
    threads = threading.active_count()
    alone_s = slow_echo_s(receiver.peer)
    with ExitStack() as stack:
        waiting = idle(receiver, stack, 200)
        assert hardly_slower(alone_s, slow_echo_s(receiver.peer))
        assert receiver.send(radiograph())[0].status == SUCCESS
        assert threading.active_count() - threads <= 8 + 6  # those that wait, and what just ended
        assert sum(not has_ended(one) for one in waiting) <= 8
        wait_until(lambda: all(map(has_ended, waiting)), "ARTIM", ARTIM_TIMEOUT_S + 3)


def test_a_slow_association_request_ends_with_artim(receiver: Receiver) -> None:
    """A byte now and then does not prolong the time for the whole request."""
    request = association_request()
    with hostile_peer(receiver.peer.host, receiver.peer.port) as peer:
        started, sent = time.monotonic(), 0
        for byte in request:
            if peer.flood(bytes([byte]), 1) == 0 or has_ended(peer.connection):
                break
            sent += 1
            time.sleep(0.1)
        assert time.monotonic() - started > ARTIM_TIMEOUT_S - 0.5
        assert sent < len(request) / 2


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (pdu(0x01, b"", announced_bytes=0xFFFFFFFF), 6),
        (pdu(0x01, b"", announced_bytes=(1 << 18) + 1), 6),
        (pdu(0x04, b"", announced_bytes=16), 2),
        (pdu(0x07, b"", announced_bytes=1 << 20), 6),
        (b"GET / HTTP/1.1\r\n", 1),
    ],
)
def test_what_is_no_association_request_is_aborted_unread(
    receiver: Receiver, sent: bytes, reason: int
) -> None:
    """Too long, unexpected and unknown PDUs: A-ABORT by the provider, with the reason."""
    with hostile_peer(receiver.peer.host, receiver.peer.port) as peer:
        peer.send(sent[:6])
        assert peer.receive() == (A_ABORT, bytes([0, 0, 2, reason]))
        assert peer.receive() is None


def test_an_announcement_of_4_gib_costs_no_memory(receiver: Receiver) -> None:
    """Nothing of it is read, however much comes."""
    before = resident_mib()
    with hostile_peer(receiver.peer.host, receiver.peer.port) as peer:
        peer.send(pdu(0x01, b"", announced_bytes=0xFFFFFFFF))
        assert peer.flood(bytes(1 << 20), 100) < 20
    assert resident_mib() - before < 20


@pytest.mark.parametrize("damage", [b"\x00", b"\xff"])
@pytest.mark.parametrize("start", [6, 10, 26, 74, 90, 130, 170])
def test_a_damaged_association_request_ends_its_connection_only(
    receiver: Receiver, start: int, damage: bytes
) -> None:
    """Whatever its fields hold, it is answered or hung up on."""
    damaged = bytearray(association_request())
    damaged[start : start + 30] = damage * len(damaged[start : start + 30])
    with hostile_peer(receiver.peer.host, receiver.peer.port) as peer:
        peer.send(bytes(damaged))
        answer = peer.receive()
        assert answer is None or answer[0] in {A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ABORT}
    assert answers_echo(receiver.peer, timeout_s=5)


def test_places_are_of_associations_and_the_next_is_told_of_congestion(receiver: Receiver) -> None:
    """Two are served, the third is to come again, and may when one has ended."""
    with ExitStack() as stack:
        idle(receiver, stack, 50)
        stack.enter_context(associate(receiver.peer, [ECHO]))
        with associate(receiver.peer, [ECHO]):
            with hostile_peer(receiver.peer.host, receiver.peer.port) as third:
                third.send(association_request())
                assert third.receive() == TEMPORARY_CONGESTION
            with pytest.raises(NotAssociatedError) as refused:
                receiver.send(radiograph())
            assert refused.value.outcome is Outcome.RETRY
        wait_until(lambda: answers_echo(receiver.peer, timeout_s=5), "a place", 5)
        assert receiver.send(radiograph())[0].status == SUCCESS
