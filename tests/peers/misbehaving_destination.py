"""A Storage SCP that behaves as badly as a test wants, on plain sockets, and remembers what it got.

It takes reports as a PACS does and answers as `conduct` says, which may be changed at any moment
and may differ from object to object. Nothing in it is pynetdicom's server, so that what it says
may be wrong in any byte.
"""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO

from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode
from pynetdicom.pdu import A_ASSOCIATE_RQ

from tests.peers.acceptor_pdus import (
    ABORT_PDU,
    COMMAND,
    LAST,
    P_DATA,
    RELEASE_RP_PDU,
    acceptance,
    p_data,
    rejection,
    response,
)
from tests.peers.conduct import Behaviour, ByObject, Conduct, Status

__all__ = [
    "Behaviour",
    "ByObject",
    "Conduct",
    "MisbehavingDestination",
    "Status",
    "misbehaving_destination",
]

ASSOCIATE_RQ, RELEASE_RQ = 0x01, 0x05
HEADER_BYTES = 6
NO_CONTEXT_ID = 201
SUCCESS = 0x0000
WARNINGS = range(0xB000, 0xC000)
GARBAGE = bytes(range(255, 223, -1)) * 4
PATIENCE_S = 120


_SENT_FOR_ASSOCIATION: Mapping[Conduct, bytes] = {
    Conduct.CLOSES_CONNECTIONS: b"",
    Conduct.ABORTS_REQUESTS: ABORT_PDU,
    Conduct.GARBAGE_FOR_ASSOCIATION: GARBAGE,
}
_ONLY_FOR_ASSOCIATION = {
    *_SENT_FOR_ASSOCIATION,
    Conduct.SAYS_NOTHING,
    Conduct.REJECTS_FOR_GOOD,
    Conduct.REJECTS_FOR_NOW,
    Conduct.HALF_AN_ACCEPTANCE,
    Conduct.ENDLESS_ACCEPTANCE,
    Conduct.ACCEPTS_NOTHING,
}


@dataclass
class MisbehavingDestination:
    """What it listens on, does and remembers; `conduct` is read anew for each step.

    received: the data sets of each SOP Instance UID, one for each time it came whole;
    stored: how often each was answered with Success or a warning.
    """

    port: int
    conduct: Behaviour | ByObject = Conduct.SOUND
    connections: int = 0
    received: dict[str, list[bytes]] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)
    on_received: Callable[[str], None] = lambda _uid: None
    """Called with the SOP Instance UID when an object is whole, before anything is answered."""
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def behaviour_to(self, sop_instance_uid: str) -> Behaviour:
        """Return what is done with an object."""
        return self.conduct(sop_instance_uid) if callable(self.conduct) else self.conduct

    def keep(self, sop_instance_uid: str, data_set: bytes) -> None:
        """Remember an object that came whole."""
        with self._lock:
            self.received.setdefault(sop_instance_uid, []).append(data_set)
        self.on_received(sop_instance_uid)

    def count_stored(self, sop_instance_uid: str) -> None:
        """Remember that an object was taken."""
        with self._lock:
            self.stored[sop_instance_uid] = self.stored.get(sop_instance_uid, 0) + 1

    def wait_for_the_end(self) -> None:
        """Say nothing until the test is over, or long enough for every timeout."""
        self._ended.wait(PATIENCE_S)

    def end(self) -> None:
        """Let go of every connection."""
        self._ended.set()


@contextlib.contextmanager
def misbehaving_destination(
    conduct: Behaviour | ByObject = Conduct.SOUND, port: int = 0
) -> Iterator[MisbehavingDestination]:
    """Run a destination on this machine; port 0: a free one."""
    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        destination = MisbehavingDestination(listener.getsockname()[1], conduct)
        accepting = threading.Thread(target=_accept, args=(listener, destination), daemon=True)
        accepting.start()
        try:
            yield destination
        finally:
            destination.end()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join(5)


def _accept(listener: socket.socket, destination: MisbehavingDestination) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        destination.connections += 1
        peer = _Connection(connection, destination)
        threading.Thread(target=peer.serve, daemon=True).start()


class _HangUpError(Exception):
    """The connection is over."""


class _Connection:
    """One association."""

    def __init__(self, connection: socket.socket, destination: MisbehavingDestination) -> None:
        self._connection = connection
        self._destination = destination
        self._command = b""
        self._data_set = b""

    def serve(self) -> None:
        """Take PDUs until either side hangs up."""
        with self._connection, contextlib.suppress(OSError, _HangUpError):
            self._connection.settimeout(PATIENCE_S)
            while True:
                header = self._exactly(HEADER_BYTES)
                kind, size_bytes = header[0], int.from_bytes(header[2:])
                if kind == P_DATA and self._closes_unread():
                    raise _HangUpError
                content = self._exactly(size_bytes)
                if kind == ASSOCIATE_RQ:
                    self._answer_request(header + content)
                elif kind == P_DATA:
                    self._take_fragments(content)
                elif kind == RELEASE_RQ:
                    self._connection.sendall(RELEASE_RP_PDU)
                    raise _HangUpError
                else:
                    raise _HangUpError

    def _closes_unread(self) -> bool:
        return self._destination.conduct is Conduct.CLOSES_UNREAD

    def _answer_request(self, encoded: bytes) -> None:
        conduct = self._destination.conduct
        decoded = A_ASSOCIATE_RQ()
        decoded.decode(encoded)
        request = decoded.to_primitive()
        match conduct:
            case Conduct.SAYS_NOTHING:
                self._destination.wait_for_the_end()
            case Conduct.REJECTS_FOR_GOOD:
                self._connection.sendall(rejection(request, result=1, source=1, diagnostic=3))
            case Conduct.REJECTS_FOR_NOW:
                self._connection.sendall(rejection(request, result=2, source=3, diagnostic=1))
            case Conduct.HALF_AN_ACCEPTANCE:
                self._connection.sendall(acceptance(request, result=0)[:40])
                self._destination.wait_for_the_end()
            case Conduct.ENDLESS_ACCEPTANCE:
                self._announce_without_end(0x02)
            case Conduct.ACCEPTS_NOTHING:
                self._connection.sendall(acceptance(request, result=3))
                return
            case Conduct() if conduct in _SENT_FOR_ASSOCIATION:
                self._connection.sendall(_SENT_FOR_ASSOCIATION[conduct])
            case _:
                self._connection.sendall(acceptance(request, result=0))
                return
        raise _HangUpError

    def _take_fragments(self, content: bytes) -> None:
        """Take a P-DATA-TF apart. Source: PS3.8 9.3.5 and annex E."""
        while content:
            size_bytes = int.from_bytes(content[:4])
            context_id, control = content[4], content[5]
            fragment, content = content[6 : 4 + size_bytes], content[4 + size_bytes :]
            if control & COMMAND:
                self._command += fragment
            else:
                self._data_set += fragment
                if control & LAST:
                    self._answer_store(context_id)

    def _answer_store(self, context_id: int) -> None:
        command = decode(BytesIO(self._command), is_implicit_vr=True, is_little_endian=True)
        uid = str(command.AffectedSOPInstanceUID)
        self._destination.keep(uid, self._data_set)
        self._command = self._data_set = b""
        behaviour = self._destination.behaviour_to(uid)
        if isinstance(behaviour, Status):
            self._connection.sendall(
                response(command, context_id, (behaviour.status, behaviour.error_comment))
            )
            if behaviour.status == SUCCESS or behaviour.status in WARNINGS:
                self._destination.count_stored(uid)
            return
        answer = response(command, context_id, (SUCCESS, ""))
        if behaviour is Conduct.SOUND or behaviour in _ONLY_FOR_ASSOCIATION:
            self._destination.count_stored(uid)
            self._connection.sendall(answer)
        else:
            self._misbehave(behaviour, answer, command, context_id)

    def _misbehave(
        self, conduct: Conduct, answer: bytes, command: Dataset, context_id: int
    ) -> None:
        if conduct is Conduct.ANSWERS_TWICE:
            self._destination.count_stored(str(command.AffectedSOPInstanceUID))
            self._connection.sendall(answer + answer)
            return
        if conduct is Conduct.ENDLESS_PDU:
            self._announce_without_end(P_DATA)
        self._connection.sendall(_wrong_answers(answer, command, context_id)[conduct])
        if conduct in _WAITS_AFTERWARDS:
            self._destination.wait_for_the_end()
        raise _HangUpError

    def _announce_without_end(self, kind: int) -> None:
        self._connection.sendall(struct.pack(">BxI", kind, 0xFFFFFFFF))
        while True:
            self._connection.sendall(os.urandom(1 << 16))

    def _exactly(self, size_bytes: int) -> bytes:
        received = bytearray()
        while len(received) < size_bytes:
            data = self._connection.recv(min(1 << 16, size_bytes - len(received)))
            if not data:
                raise _HangUpError
            received += data
        return bytes(received)


_WAITS_AFTERWARDS = {
    Conduct.NEVER_ANSWERS,
    Conduct.STALLS_IN_MID_PDU,
    Conduct.GARBAGE,
    Conduct.GARBAGE_COMMAND,
    Conduct.UNKNOWN_CONTEXT,
    Conduct.OTHER_MESSAGE,
    Conduct.NO_STATUS,
}
"""The connection stays open: whoever waits for more than its end waits in vain."""


def _wrong_answers(answer: bytes, command: Dataset, context_id: int) -> dict[Conduct, bytes]:
    """Return what is sent in place of a right answer, by conduct."""
    half = answer[: len(answer) // 2]
    return {
        Conduct.NEVER_ANSWERS: b"",
        Conduct.CLOSES_UNANSWERED: b"",
        Conduct.ABORTS_STORE: ABORT_PDU,
        Conduct.CLOSES_IN_MID_PDU: half,
        Conduct.STALLS_IN_MID_PDU: half,
        Conduct.GARBAGE: GARBAGE,
        Conduct.GARBAGE_COMMAND: p_data(context_id, GARBAGE),
        Conduct.UNKNOWN_CONTEXT: response(command, NO_CONTEXT_ID, (SUCCESS, "")),
        Conduct.OTHER_MESSAGE: response(command, context_id, (SUCCESS, ""), shift=7),
        Conduct.NO_STATUS: response(command, context_id, None),
    }
