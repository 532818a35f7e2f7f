"""What one peer says on one connection, PDU by PDU, as it is kept, damaged and played."""

import contextlib
import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tests.peers.hostile_peer import HEADER_BYTES

ANSWER_S = 0.1
"""How long an answer is waited for; damaged PDUs often get none, and nobody minds."""
SEND_S = 5.0
RECEIVE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Turn:
    """Bytes sent at once, and whether an answer is waited for before the next."""

    sent: bytes
    waits: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns, and how the connection ends: with a reset, or as it should."""

    turns: tuple[Turn, ...]
    is_reset: bool = False


def encoded(conversations: Sequence[Conversation]) -> bytes:
    """Return conversations as they are kept in the corpus."""
    told = [
        {
            "turns": [{"sent": turn.sent.hex(), "waits": turn.waits} for turn in one.turns],
            "reset": one.is_reset,
        }
        for one in conversations
    ]
    return json.dumps(told, indent=1).encode()


def decoded(content: bytes) -> list[Conversation]:
    """Read what `encoded` wrote."""
    return [
        Conversation(
            tuple(Turn(bytes.fromhex(turn["sent"]), turn["waits"]) for turn in one["turns"]),
            one["reset"],
        )
        for one in json.loads(content)
    ]


def play(conversation: Conversation, port: int) -> None:
    """Say it all to an SCP of this machine, whatever it answers; it may hang up at any time."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if conversation.is_reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for turn in conversation.turns:
            peer.settimeout(SEND_S)
            peer.sendall(turn.sent)
            if turn.waits:
                _hear(peer)


def split(stream: bytes) -> Sequence[bytes]:
    """Return the PDUs of a stream; what is no whole PDU at its end is left out."""
    pdus = []
    while len(stream) >= HEADER_BYTES:
        size = HEADER_BYTES + int.from_bytes(stream[2:HEADER_BYTES])
        if size > len(stream):
            break
        pdus.append(stream[:size])
        stream = stream[size:]
    return pdus


def _hear(peer: socket.socket) -> None:
    peer.settimeout(ANSWER_S)
    with contextlib.suppress(TimeoutError):
        peer.recv(RECEIVE_BYTES)
