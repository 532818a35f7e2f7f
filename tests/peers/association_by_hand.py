"""An association with the SCP that a test goes through PDU by PDU, and what the log says of it."""

import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from screening.dimse.acceptor import GuardedAssociation
from screening.storage_scu.objects import identify
from tests.peers.association_requests import CR_CONTEXT, ECHO_CONTEXT, IMPLICIT, Asked, context
from tests.peers.command_sets import (
    ECHO,
    INSTANCE,
    PUSH_MODEL,
    STATUS,
    STORE,
    Elements,
    command_set,
    elements_of,
    number,
)
from tests.peers.hostile_peer import (
    A_ASSOCIATE_AC,
    COMMAND,
    CR_CONTEXT_ID,
    ECHO_CONTEXT_ID,
    LAST_FRAGMENT,
    P_DATA_TF,
    HostilePeer,
    hostile_peer,
    p_data,
    pdu,
    store_command,
)
from tests.peers.receiving import SUCCESS, Receiver, radiograph

LAST_COMMAND = COMMAND | LAST_FRAGMENT
RELEASE_RQ, RELEASE_RP = pdu(0x05, bytes(4)), 0x06
COMMITMENT_CONTEXT_ID = 5
REQUEST = Asked(
    contexts=CR_CONTEXT
    + ECHO_CONTEXT
    + context(COMMITMENT_CONTEXT_ID, PUSH_MODEL.encode(), [IMPLICIT])
).pdu
Lines = list[MutableMapping[str, Any]]


@contextmanager
def asking(receiver: Receiver, request: bytes) -> Iterator[HostilePeer]:
    """Send an association request."""
    with hostile_peer(receiver.peer.host, receiver.peer.port) as peer:
        peer.send(request)
        yield peer


def associations_here() -> list[threading.Thread]:
    """Return the threads of the SCP's associations."""
    return [one for one in threading.enumerate() if isinstance(one, GuardedAssociation)]


def send_radiograph(peer: HostilePeer, encoded: bytes) -> None:
    """Send a C-STORE request with its data set."""
    found = identify(encoded)
    peer.send(p_data(CR_CONTEXT_ID, LAST_COMMAND, store_command(found.sop_instance_uid)))
    data_set = encoded[found.data_set_offset :]
    peer.send(p_data(CR_CONTEXT_ID, LAST_FRAGMENT, data_set))


def response(peer: HostilePeer) -> bytes:
    """Return the next response's command set, in however many P-DATA-TFs it comes."""
    command = b""
    while True:
        kind, content = answer(peer)
        assert kind == P_DATA_TF
        command += content[6:]
        if content[5] & LAST_FRAGMENT:
            return command


def answer(peer: HostilePeer) -> tuple[int, bytes]:
    """Return type and content of the next PDU, which must come."""
    received = peer.receive()
    assert received is not None, "expected an answer, found the end of the connection"
    return received


def release(peer: HostilePeer) -> None:
    """Release the association."""
    peer.send(RELEASE_RQ)
    assert answer(peer)[0] == RELEASE_RP


def about_peers(lines: Lines) -> list[tuple[str, str]]:
    """Return event and reason of the lines at INFO or above that say why a peer got nothing."""
    return [
        (line["event"], line["reason"])
        for line in lines
        if line.get("peer_address") == "127.0.0.1" and line["log_level"] in {"info", "warning"}
    ]


@dataclass(frozen=True, slots=True)
class Sender:
    """An association whose every byte is ours."""

    peer: HostilePeer

    def send(self, elements: Elements | bytes, data_set: bytes = b"", *, on: int) -> None:
        """Send a command set and, where there is one, a data set."""
        encoded = elements if isinstance(elements, bytes) else command_set(elements)
        self.peer.send(p_data(on, LAST_COMMAND, encoded))
        if data_set:
            middle = len(data_set) // 2
            self.peer.send(p_data(on, 0, data_set[:middle]))
            self.peer.send(p_data(on, LAST_FRAGMENT, data_set[middle:]))

    def answer(self) -> dict[int, bytes]:
        """Return the next response's elements."""
        received = self.peer.receive()
        assert received is not None, "expected a response, found the end of the connection"
        assert received[0] == P_DATA_TF, f"expected a response, found {received}"
        return elements_of(received[1][6:])

    def require_going_on(self, receiver: Receiver) -> None:
        """Have the next object stored and C-ECHO answered, and release the association."""
        sent = radiograph(SOPInstanceUID="1.2.3.1.1.9", grey=9)
        self.send({**STORE, INSTANCE: "1.2.3.1.1.9"}, body(sent), on=CR_CONTEXT_ID)
        assert number(self.answer()[STATUS]) == SUCCESS
        self.send(ECHO, on=ECHO_CONTEXT_ID)
        assert number(self.answer()[STATUS]) == SUCCESS
        self.peer.send(pdu(0x05, bytes(4)))
        assert self.peer.receive() == (0x06, bytes(4))
        assert "1.2.3.1.1.9" in [row.sop_instance_uid for row in receiver.instances()]
        assert receiver.incoming() == []


def body(encoded: bytes) -> bytes:
    """Return the data set of a Part 10 file."""
    return encoded[identify(encoded).data_set_offset :]


RADIOGRAPH = body(radiograph())


@contextmanager
def associated(receiver: Receiver) -> Iterator[Sender]:
    """Open an association for CR Image Storage, Verification and Storage Commitment."""
    with hostile_peer(receiver.peer.host, receiver.peer.port) as peer:
        peer.send(REQUEST)
        answer = peer.receive()
        assert answer is not None
        assert answer[0] == A_ASSOCIATE_AC
        yield Sender(peer)
