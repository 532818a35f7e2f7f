"""Peers with an association that break its rules lose it, and cost neither memory nor disk."""

import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from screening.db.session import Database
from screening.dimse import server
from screening.dimse.acceptor import GuardedAssociation
from screening.dimse.pdu_limits import MAXIMUM_PDU_BYTES
from screening.storage_scu.objects import identify
from tests.peers.hostile_peer import (
    A_ABORT,
    COMMAND,
    CR_CONTEXT_ID,
    ECHO_CONTEXT_ID,
    LAST_FRAGMENT,
    P_DATA_TF,
    HostilePeer,
    association_request,
    echo_command,
    hostile_peer,
    p_data,
    pdu,
    resident_mib,
    store_command,
)
from tests.peers.receiving import SUCCESS, Receiver, radiograph, running_receiver
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration
LAST_COMMAND = COMMAND | LAST_FRAGMENT


@pytest.fixture
def receiver(tmp_path: Path, migrated_database: Database) -> Iterator[Receiver]:
    """Run an SCP that takes objects of up to 1 MiB and serves two associations."""
    with running_receiver(
        tmp_path, migrated_database, max_object_mib=1, max_associations=2
    ) as running:
        yield running


@contextmanager
def associated(receiver: Receiver) -> Iterator[HostilePeer]:
    """Open an association that stays under our control byte by byte."""
    with hostile_peer(receiver.peer.host, receiver.peer.port) as peer:
        peer.associate()
        yield peer


def associations_here() -> list[threading.Thread]:
    """Return the threads of the SCP's associations."""
    return [one for one in threading.enumerate() if isinstance(one, GuardedAssociation)]


def require_unharmed(receiver: Receiver) -> None:
    """Nothing is left behind, every place is free, and objects are stored."""
    wait_until(lambda: receiver.incoming() == [], "the incoming folder to be empty", 5)
    wait_until(lambda: not associations_here(), "the associations to end", 5)
    with ExitStack() as stack:
        senders = [stack.enter_context(receiver.sender()) for _ in range(2)]
        assert [send(radiograph()).status for send in senders] == [SUCCESS] * 2


@pytest.mark.parametrize(
    "sent",
    [
        pdu(P_DATA_TF, b"", announced_bytes=MAXIMUM_PDU_BYTES + 1),
        pdu(P_DATA_TF, b"", announced_bytes=0xFFFFFFFF),
        pdu(0x05, b"", announced_bytes=1 << 20),
        pdu(0xFF, b"", announced_bytes=4),
        association_request(),
        p_data(99, LAST_COMMAND, echo_command()),
        p_data(99, LAST_COMMAND, store_command()),
        p_data(ECHO_CONTEXT_ID, LAST_COMMAND, b"no command set"),
        pdu(P_DATA_TF, b"\x00\x00\x00\x00"),
        pdu(P_DATA_TF, b"\x00\x00\x00\x01\x01"),
        pdu(P_DATA_TF, b"\xff\xff\xff\xff\x01\x03rest"),
    ],
)
def test_a_broken_rule_ends_the_association(receiver: Receiver, sent: bytes) -> None:
    """Too long, unexpected or senseless PDUs are answered with A-ABORT, whatever follows."""
    before = resident_mib()
    with associated(receiver) as peer:
        peer.send(sent)
        assert peer.kinds_until_the_end() == [A_ABORT]
        assert peer.flood(bytes(1 << 20), 50) < 20
    assert resident_mib() - before < 20
    require_unharmed(receiver)


def test_a_pdu_of_the_largest_size_is_taken(receiver: Receiver) -> None:
    """The limit is what we announced, not a byte less."""
    encoded = radiograph(side=500)
    data_set = encoded[identify(encoded).data_set_offset :]
    size = MAXIMUM_PDU_BYTES - 6  # length, context and control of the one fragment
    fragments = [data_set[start : start + size] for start in range(0, len(data_set), size)]
    assert len(fragments) > 1
    with associated(receiver) as peer:
        peer.send(p_data(CR_CONTEXT_ID, LAST_COMMAND, store_command()))
        for fragment in fragments[:-1]:
            peer.send(p_data(CR_CONTEXT_ID, 0, fragment))
        peer.send(p_data(CR_CONTEXT_ID, LAST_FRAGMENT, fragments[-1]))
        answer = peer.receive()
        assert answer is not None
        assert answer[0] == P_DATA_TF
    assert len(receiver.kept()) == 1


@pytest.mark.parametrize(
    ("beginning", "fragment"),
    [
        (b"", p_data(ECHO_CONTEXT_ID, COMMAND, bytes(100_000))),
        (b"", p_data(ECHO_CONTEXT_ID, 0, bytes(100_000))),
        (
            p_data(CR_CONTEXT_ID, LAST_COMMAND, store_command()),
            p_data(CR_CONTEXT_ID, 0, bytes(100_000)),
        ),
    ],
)
def test_what_does_not_end_is_cut_off(
    receiver: Receiver, beginning: bytes, fragment: bytes
) -> None:
    """A command set, a data set of another message, an object: 100 MB never arrive."""
    before = resident_mib()
    with associated(receiver) as peer:
        peer.send(beginning)
        assert peer.flood(fragment, 1000) < 200
        assert sum(path.stat().st_size for path in receiver.incoming()) <= 1 << 20
    assert resident_mib() - before < 30
    require_unharmed(receiver)


def test_requests_that_wait_for_no_answer_wait_themselves(receiver: Receiver) -> None:
    """A peer that pipelines is read only as fast as it is served, and all is answered."""
    requests = 60
    request = p_data(ECHO_CONTEXT_ID, LAST_COMMAND, echo_command())
    with associated(receiver) as peer:
        sender = threading.Thread(target=peer.flood, args=(request, requests))
        sender.start()
        answers = [peer.receive() for _ in range(requests)]
        sender.join()
    assert {answer[0] for answer in answers if answer is not None} == {P_DATA_TF}


def test_a_peer_that_stops_in_mid_pdu_does_not_stay(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it keeps two threads and a place for ever, as with pynetdicom alone."""
    monkeypatch.setattr(server, "PDU_TIMEOUT_S", 1)
    with associated(receiver) as one, associated(receiver) as other:
        one.send(b"\x04\x00\x00")
        other.send(p_data(CR_CONTEXT_ID, LAST_COMMAND, store_command())[:-5])
        for peer in (one, other):
            assert peer.kinds_until_the_end() == []
        require_unharmed(receiver)


def test_an_object_of_nothing_but_elements_is_refused_at_once(receiver: Receiver) -> None:
    """Cannot Understand, before an object is made of each element."""
    before = resident_mib()
    bomb = radiograph()
    found = identify(bomb)
    elements = [struct.pack("<HHBBH", 0x0009, 0x1000 + n, 76, 79, 0) for n in range(57_000)]
    first_group = bomb.index(b"\x10\x00\x10\x00PN", found.data_set_offset)
    [answer] = receiver.send(bomb[:first_group] + b"".join(elements) + bomb[first_group:])
    assert answer.status == 0xC000
    assert resident_mib() - before < 20
    require_unharmed(receiver)


def test_a_store_request_without_a_data_set_is_refused(receiver: Receiver) -> None:
    """Cannot Understand, and the association goes on."""
    command = store_command().replace(
        b"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x00", b"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x01"
    )
    with associated(receiver) as peer:
        for _ in range(2):
            peer.send(p_data(CR_CONTEXT_ID, LAST_COMMAND, command))
            answer = peer.receive()
            assert answer is not None
            assert answer[0] == P_DATA_TF
            assert b"\x00\x00\x00\x09\x02\x00\x00\x00\x00\xc0" in answer[1]
