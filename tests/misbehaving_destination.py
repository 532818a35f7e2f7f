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
from enum import StrEnum
from io import BytesIO

from pydicom.dataset import Dataset
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import decode
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, P_DATA_TF
from pynetdicom.pdu_primitives import A_ASSOCIATE

ASSOCIATE_RQ, P_DATA, RELEASE_RQ, ABORT = 0x01, 0x04, 0x05, 0x07
RELEASE_RP_PDU = struct.pack(">BxI4x", 0x06, 4)
ABORT_PDU = struct.pack(">BxIxxBB", ABORT, 4, 0, 0)
HEADER_BYTES = 6
COMMAND, LAST = 1, 2
MAXIMUM_PDU_BYTES = 16384
NO_CONTEXT_ID = 201
SUCCESS = 0x0000
WARNINGS = range(0xB000, 0xC000)
GARBAGE = bytes(range(255, 223, -1)) * 4
PATIENCE_S = 120


class Conduct(StrEnum):
    """What it does with an association or an object, beside answering a status."""

    SOUND = "sound"

    CLOSES_CONNECTIONS = "closes connections"
    SAYS_NOTHING = "says nothing to an association request"
    REJECTS_FOR_GOOD = "rejects: calling AE title not recognised"
    REJECTS_FOR_NOW = "rejects: temporary congestion"
    ABORTS_REQUESTS = "aborts association requests"
    GARBAGE_FOR_ASSOCIATION = "garbage for an association request"
    HALF_AN_ACCEPTANCE = "half an A-ASSOCIATE-AC, then nothing"
    ENDLESS_ACCEPTANCE = "announces an A-ASSOCIATE-AC of 4 GiB"
    ACCEPTS_NOTHING = "accepts no presentation context"

    NEVER_ANSWERS = "takes the object and never answers"
    ABORTS_STORE = "aborts instead of an answer"
    CLOSES_UNREAD = "closes when the object begins to come"
    CLOSES_UNANSWERED = "takes the object and closes"
    CLOSES_IN_MID_PDU = "half an answer, then closes"
    STALLS_IN_MID_PDU = "half an answer, then nothing"
    ENDLESS_PDU = "announces an answer of 4 GiB"
    GARBAGE = "garbage for an answer"
    GARBAGE_COMMAND = "a P-DATA whose command set is garbage"
    UNKNOWN_CONTEXT = "an answer in a presentation context that was never negotiated"
    OTHER_MESSAGE = "an answer to another message"
    NO_STATUS = "an answer without a status"
    ANSWERS_TWICE = "Success, and Success once more"


@dataclass(frozen=True, slots=True)
class Status:
    """It answers an object with a C-STORE status, 0x0000 to 0xFFFF."""

    status: int
    error_comment: str = ""


Behaviour = Conduct | Status
ByObject = Callable[[str], Behaviour]
"""The behaviour towards one SOP Instance UID."""

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
                self._connection.sendall(_rejection(request, result=1, source=1, diagnostic=3))
            case Conduct.REJECTS_FOR_NOW:
                self._connection.sendall(_rejection(request, result=2, source=3, diagnostic=1))
            case Conduct.HALF_AN_ACCEPTANCE:
                self._connection.sendall(_acceptance(request, result=0)[:40])
                self._destination.wait_for_the_end()
            case Conduct.ENDLESS_ACCEPTANCE:
                self._announce_without_end(0x02)
            case Conduct.ACCEPTS_NOTHING:
                self._connection.sendall(_acceptance(request, result=3))
                return
            case Conduct() if conduct in _SENT_FOR_ASSOCIATION:
                self._connection.sendall(_SENT_FOR_ASSOCIATION[conduct])
            case _:
                self._connection.sendall(_acceptance(request, result=0))
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
            self._connection.sendall(_response(command, context_id, behaviour))
            if behaviour.status == SUCCESS or behaviour.status in WARNINGS:
                self._destination.count_stored(uid)
            return
        answer = _response(command, context_id, Status(SUCCESS))
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
        Conduct.GARBAGE_COMMAND: _p_data(context_id, GARBAGE),
        Conduct.UNKNOWN_CONTEXT: _response(command, NO_CONTEXT_ID, Status(SUCCESS)),
        Conduct.OTHER_MESSAGE: _response(command, context_id, Status(SUCCESS), shift=7),
        Conduct.NO_STATUS: _response(command, context_id, None),
    }


def _acceptance(request: A_ASSOCIATE, *, result: int) -> bytes:
    """Return an A-ASSOCIATE-AC with one result for every proposed context. Source: PS3.8 9.3.3."""
    answer = A_ASSOCIATE()
    answer.application_context_name = request.application_context_name
    answer.calling_ae_title = request.calling_ae_title
    answer.called_ae_title = request.called_ae_title
    answer.result, answer.result_source = 0, 1
    contexts = request.presentation_context_definition_list
    for context in contexts:
        context.result = result
    answer.presentation_context_definition_results_list = contexts
    answer.user_information = [
        item
        for item in request.user_information
        if type(item).__name__
        in {"MaximumLengthNotification", "ImplementationClassUIDNotification"}
    ]
    encoded: bytes = A_ASSOCIATE_AC(answer).encode()
    return encoded


def _rejection(request: A_ASSOCIATE, *, result: int, source: int, diagnostic: int) -> bytes:
    """Return an A-ASSOCIATE-RJ. Source: PS3.8 9.3.4."""
    request.result, request.result_source, request.diagnostic = result, source, diagnostic
    encoded: bytes = A_ASSOCIATE_RJ(request).encode()
    return encoded


def _response(command: Dataset, context_id: int, answer: Status | None, *, shift: int = 0) -> bytes:
    """Return a C-STORE response in P-DATA-TFs. Source: PS3.7 9.3.1.2."""
    response = C_STORE()
    message_id: int = command.MessageID
    response.MessageIDBeingRespondedTo = message_id + shift
    response.AffectedSOPClassUID = command.AffectedSOPClassUID
    response.AffectedSOPInstanceUID = command.AffectedSOPInstanceUID
    response.Status = SUCCESS if answer is None else answer.status
    if answer is not None and answer.error_comment:
        response.ErrorComment = answer.error_comment
    message = C_STORE_RSP()
    message.primitive_to_message(response)
    if answer is None:
        del message.command_set.Status
    encoded = b""
    for primitive in message.encode_msg(context_id, MAXIMUM_PDU_BYTES):
        encoded += P_DATA_TF(primitive).encode()
    return encoded


def _p_data(context_id: int, command_set: bytes) -> bytes:
    value = bytes([context_id, COMMAND | LAST]) + command_set
    content = struct.pack(">I", len(value)) + value
    return struct.pack(">BxI", P_DATA, len(content)) + content
