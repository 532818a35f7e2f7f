"""An association's socket does not wait for acknowledgements that a kernel delays."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.association import Association

from screening.dimse.guarded_socket import GuardedSocket

PDU = bytes.fromhex("04000000000600000002010300")


class _RecordingSocket(socket.socket):
    """A socket that says which options were set since its last read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_now: set[int] = set()
        self.set_before_reads: list[set[int]] = []

    def setsockopt(self, level: int, option: int, value: Any) -> None:  # type: ignore[override]
        super().setsockopt(level, option, value)
        self.set_now.add(option)

    def recv(self, size_bytes: int, flags: int = 0) -> bytes:
        self.set_before_reads.append(self.set_now)
        self.set_now = set()
        return super().recv(size_bytes, flags)


@pytest.fixture
def connection() -> Iterator[tuple[_RecordingSocket, socket.socket]]:
    """Return both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server, _RecordingSocket() as ours:
        ours.connect(server.getsockname())
        theirs, _ = server.accept()
        with theirs:
            yield ours, theirs


def test_a_pdu_does_not_wait_for_the_one_before(
    connection: tuple[_RecordingSocket, socket.socket],
) -> None:
    """Nagle's algorithm is off: a data set goes out though its command set is unacknowledged."""
    ours, _ = connection
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
    GuardedSocket(Association(AE(), "requestor"), pdu_timeout_s=30.0, connection=ours)
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_part_of_a_pdu_is_acknowledged_at_once(
    connection: tuple[_RecordingSocket, socket.socket],
) -> None:
    """A peer that holds the rest back until then, as Nagle's algorithm does, need not wait."""
    ours, theirs = connection
    guarded = GuardedSocket(Association(AE(), "requestor"), pdu_timeout_s=30.0, connection=ours)
    theirs.sendall(PDU[:6])
    assert guarded.peek(6) == PDU[:6]
    theirs.sendall(PDU[6:])
    assert guarded.recv(len(PDU)) == PDU
    assert len(ours.set_before_reads) == 2
    assert all(socket.TCP_QUICKACK in options for options in ours.set_before_reads)
