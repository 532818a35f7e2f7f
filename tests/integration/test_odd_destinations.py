"""Destinations whose answers are odd, and right where it counts: reports are delivered (PS3.8)."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from screening.storage_scu.destination import DicomDestination, Timeouts
from screening.storage_scu.outcomes import Outcome, SendResult
from screening.storage_scu.scu import send_objects
from tests.peers.association_requests import (
    APPLICATION_CONTEXT,
    IMPLEMENTATION,
    MAXIMUM_LENGTH,
    item,
)
from tests.peers.command_sets import (
    C_STORE,
    CLASS,
    COMMENT,
    DATA_SET_TYPE,
    FIELD,
    INSTANCE,
    MESSAGE_ID,
    NO_DATA_SET,
    RESPONDED_TO,
    RESPONSE,
    STATUS,
    command_set,
    elements_of,
    number,
)
from tests.peers.hostile_peer import LAST_FRAGMENT, HostilePeer, p_data
from tests.peers.receiving import radiograph

pytestmark = pytest.mark.integration
ASSOCIATE_RQ, P_DATA, RELEASE_RQ = 0x01, 0x04, 0x05
LONG_UID = "1.2." + "3" * 61
REPORT_CONTEXT_ID = 1


@dataclass(frozen=True, slots=True)
class Answers:
    """What a destination says: right answers to begin with.

    The fields of an A-ASSOCIATE-AC (PS3.8 table 9-17), and what is other in its C-STORE responses.
    rejection: result, source and reason in place of an acceptance.
    """

    version: int = 1
    called: bytes = b"PACS".ljust(16)
    calling: bytes = b"SCREENING".ljust(16)
    application_context: bytes = item(0x10, APPLICATION_CONTEXT)
    result: int = 0
    syntax: bytes = item(0x40, ExplicitVRLittleEndian.encode())
    user: bytes = MAXIMUM_LENGTH + IMPLEMENTATION
    further: bytes = b""
    response: dict[int, Any] = field(default_factory=dict)
    data_set: bytes = b""
    rejection: tuple[int, int, int] | None = None

    @property
    def to_request(self) -> bytes:
        """The PDU that answers an association request."""
        if self.rejection is not None:
            return struct.pack(">BxIxBBB", 0x03, 4, *self.rejection)
        content = struct.pack(">HH", self.version, 0) + self.called + self.calling + bytes(32)
        context = item(0x21, bytes([REPORT_CONTEXT_ID, 0, self.result, 0]) + self.syntax)
        content += self.application_context + context + item(0x50, self.user) + self.further
        return struct.pack(">BxI", 0x02, len(content)) + content

    def to_store(self, asked: dict[int, bytes]) -> bytes:
        """Return the PDUs that answer a C-STORE request."""
        elements = {
            CLASS: asked[CLASS],
            FIELD: C_STORE | RESPONSE,
            RESPONDED_TO: number(asked[MESSAGE_ID]),
            DATA_SET_TYPE: NO_DATA_SET,
            STATUS: 0,
            INSTANCE: asked[INSTANCE],
            **self.response,
        }
        sent = p_data(REPORT_CONTEXT_ID, 3, command_set(elements))
        return sent + (p_data(REPORT_CONTEXT_ID, 2, self.data_set) if self.data_set else b"")


def serve(connection: socket.socket, answers: Answers) -> None:
    """Go through associations as a destination, as long as the peer likes."""
    with connection, contextlib.suppress(OSError):
        peer = HostilePeer(connection)
        command: dict[int, bytes] = {}
        while (received := peer.receive()) is not None:
            kind, content = received
            if kind == ASSOCIATE_RQ:
                peer.send(answers.to_request)
            elif kind == RELEASE_RQ:
                peer.send(struct.pack(">BxI4x", 0x06, 4))
            elif kind == P_DATA and content[5] & 1:
                command = elements_of(content[6:])
            elif kind == P_DATA and content[5] & LAST_FRAGMENT:
                assert len(content) <= 16384
                peer.send(answers.to_store(command))


@contextlib.contextmanager
def destination(answers: Answers) -> Iterator[DicomDestination]:
    """Run a destination on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    serve(listener.accept()[0], answers)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        host, port = listener.getsockname()
        yield DicomDestination("pacs", host, port, "PACS", "SCREENING", Timeouts(5, 3, 3, 3))
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def send(answers: Answers) -> list[SendResult]:
    """Send two objects to a destination."""
    with destination(answers) as peer:
        objects = [radiograph(SOPInstanceUID=f"1.2.3.1.1.{number}") for number in (1, 2)]
        return list(send_objects(peer, objects))


UNKNOWN = item(0x7F, b"of a later standard")
ODD = {
    "as it should be": Answers(),
    "protocol version 3": Answers(version=3),
    "AE titles of NULs": Answers(called=bytes(16), calling=bytes(16)),
    "AE titles of anything": Answers(called=b"\xff" * 16, calling=b"\\" * 16),
    "no application context": Answers(application_context=b""),
    "an application context padded with NUL": Answers(
        application_context=item(0x10, APPLICATION_CONTEXT + b"\0")
    ),
    "no maximum length": Answers(user=IMPLEMENTATION),
    "an unlimited maximum length": Answers(user=item(0x51, bytes(4)) + IMPLEMENTATION),
    "no implementation class": Answers(user=MAXIMUM_LENGTH),
    "no user information": Answers(user=b""),
    "an implementation class that is no UID": Answers(
        user=MAXIMUM_LENGTH + item(0x52, LONG_UID.encode())
    ),
    "an empty version name": Answers(user=Answers().user + item(0x55, b"")),
    "a version name of 40 characters": Answers(user=Answers().user + item(0x55, b"V" * 40)),
    "a version name padded with NUL": Answers(user=Answers().user + item(0x55, b"V\0\0")),
    "unknown items and sub-items": Answers(
        user=UNKNOWN + Answers().user, further=UNKNOWN, syntax=Answers().syntax + UNKNOWN
    ),
    "zeros behind the last item": Answers(further=bytes(3)),
    "a user identity that was not asked for": Answers(user=Answers().user + item(0x59, b"\0\2ok")),
    "a transfer syntax padded with NUL": Answers(
        syntax=item(0x40, ExplicitVRLittleEndian.encode() + b"\0")
    ),
    "a context that was not proposed": Answers(
        further=item(0x21, b"\xc9\0\0\0" + Answers().syntax)
    ),
    "a response without SOP UIDs": Answers(response={CLASS: None, INSTANCE: None}),
    "a response whose UIDs are too long": Answers(response={CLASS: LONG_UID, INSTANCE: LONG_UID}),
    "a response whose UIDs are none": Answers(response={CLASS: b"\xff\xff", INSTANCE: b"a b"}),
    "a response with the Message ID too": Answers(response={MESSAGE_ID: 7}),
    "a response without a data set type": Answers(response={DATA_SET_TYPE: None}),
    "a response that announces a data set": Answers(response={DATA_SET_TYPE: 1}),
    "a response with a data set": Answers(
        response={DATA_SET_TYPE: 1}, data_set=b"\x08\x00\x05\x00CS\x00\x00"
    ),
    "a comment of 200 other characters": Answers(response={COMMENT: "Ä".encode("latin-1") * 200}),
    "an offending element of one byte": Answers(response={0x0901: b"\x08"}),
    "elements that nobody knows": Answers(response={0x0001: b"?!", 0x7000: b"?!"}),
}


@pytest.mark.filterwarnings("ignore:The value length")  # what is answered is too long
@pytest.mark.parametrize("answers", ODD.values(), ids=ODD)
def test_what_does_not_matter_costs_no_report(answers: Answers) -> None:
    """Both objects are delivered, over whatever the destination says beside it."""
    results = send(answers)
    assert [one.outcome for one in results] == [Outcome.DELIVERED] * 2, results


FAULTS = {
    "an item that is longer than the PDU": Answers(further=item(0x21, b"", announced_bytes=99)),
    "a maximum length of two bytes": Answers(user=item(0x51, bytes(2))),
    "a maximum length in which nothing has room": Answers(user=item(0x51, b"\0\0\0\5")),
    "a context that is cut short": Answers(further=item(0x21, b"\1\0")),
}


@pytest.mark.parametrize("answers", FAULTS.values(), ids=FAULTS)
def test_an_acceptance_that_makes_no_sense_is_named(answers: Answers) -> None:
    """Tried again, and the comment says what is wrong with it rather than that nobody answers."""
    results = send(answers)
    assert [one.outcome for one in results] == [Outcome.RETRY] * 2
    assert all("in a way that cannot be used: a" in one.comment for one in results)


@pytest.mark.parametrize("result", [5, 200])
@pytest.mark.parametrize("syntax", [Answers().syntax, b""])
def test_an_unknown_result_of_a_context_is_a_refusal(result: int, syntax: bytes) -> None:
    """As is one that is accepted in no transfer syntax."""
    for answers in (Answers(result=result, syntax=syntax), Answers(syntax=b"")):
        assert [one.outcome for one in send(answers)] == [Outcome.REFUSED] * 2


@pytest.mark.parametrize(
    ("rejection", "outcome"),
    [
        ((1, 1, 3), Outcome.REFUSED),
        ((2, 3, 1), Outcome.RETRY),
        ((1, 1, 9), Outcome.REFUSED),
        ((2, 1, 9), Outcome.RETRY),
        ((1, 4, 1), Outcome.REFUSED),
        ((2, 0, 0), Outcome.RETRY),
        ((1, 3, 7), Outcome.REFUSED),
        ((1, 2, 7), Outcome.REFUSED),
        ((0, 0, 0), Outcome.RETRY),
        ((9, 1, 1), Outcome.RETRY),
    ],
)
def test_a_rejection_with_reserved_values_is_one(
    rejection: tuple[int, int, int], outcome: Outcome
) -> None:
    """Its result decides; where that is none either, it is for now: nothing is parked for it."""
    results = send(Answers(rejection=rejection))
    assert [one.outcome for one in results] == [outcome] * 2
    assert all("rejected the association" in one.comment for one in results)
