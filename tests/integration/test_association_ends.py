"""Why an association ended, or was of no use, is one line in the log."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from screening.db.session import Database
from screening.dimse import server
from screening.receive import scp
from tests.peers.association_by_hand import (
    LAST_COMMAND,
    about_peers,
    answer,
    asking,
    associations_here,
    release,
    send_radiograph,
)
from tests.peers.association_requests import (
    IMPLICIT,
    Asked,
    context,
)
from tests.peers.hostile_peer import (
    A_ABORT,
    A_ASSOCIATE_AC,
    ECHO_CONTEXT_ID,
    P_DATA_TF,
    HostilePeer,
    association_request,
    echo_command,
    hostile_peer,
    p_data,
    pdu,
)
from tests.peers.receiving import Receiver, radiograph, running_receiver
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration


def _nothing(peer: HostilePeer) -> None:
    peer.send(association_request()[:40])


def _hang_up(peer: HostilePeer) -> None:
    peer.connection.close()


def _abort(peer: HostilePeer) -> None:
    peer.associate()
    peer.send(pdu(A_ABORT, bytes(4)))


def _hang_up_later(peer: HostilePeer) -> None:
    peer.associate()
    peer.connection.close()


def _odd_pdu(peer: HostilePeer) -> None:
    peer.associate()
    peer.send(pdu(0xF0, b"what?"))


def _empty_fragment(peer: HostilePeer) -> None:
    peer.associate()
    peer.send(pdu(P_DATA_TF, b"\x00\x00\x00\x00"))


def _second_request(peer: HostilePeer) -> None:
    peer.associate()
    peer.send(association_request())


def _broken_command(peer: HostilePeer) -> None:
    peer.associate()
    peer.send(p_data(ECHO_CONTEXT_ID, LAST_COMMAND, b"no command set"))


def _another_context(peer: HostilePeer) -> None:
    peer.associate()
    peer.send(p_data(99, LAST_COMMAND, echo_command()))


def _silence(peer: HostilePeer) -> None:
    peer.associate()


def _stop_in_mid_pdu(peer: HostilePeer) -> None:
    peer.associate()
    peer.send(b"\x04\x00\x00")


def _no_contexts(peer: HostilePeer) -> None:
    peer.send(Asked(contexts=context(1, b"1.2.3", [IMPLICIT])).pdu)
    assert answer(peer)[0] == A_ASSOCIATE_AC
    release(peer)


def _no_contexts_and_abort(peer: HostilePeer) -> None:
    peer.send(Asked(contexts=context(1, b"1.2.3", [IMPLICIT])).pdu)
    assert answer(peer)[0] == A_ASSOCIATE_AC
    peer.send(pdu(A_ABORT, bytes(4)))


NONE_ACCEPTED = "none of the proposed presentation contexts is accepted"
CLOSED = "the connection was closed"
ENDS: dict[str, tuple[Callable[[HostilePeer], None], str, str]] = {
    "half a request": (_nothing, "connection_ended_early", "no association request in time"),
    "a TCP probe": (_hang_up, "connection_ended_early", CLOSED),
    "A-ABORT": (_abort, "association_aborted_by_peer", "the peer sent A-ABORT"),
    "no release": (_hang_up_later, "association_ended_early", CLOSED),
    "an unknown PDU": (_odd_pdu, "pdu_refused", "a PDU of the unknown type 0xF0"),
    "an empty fragment": (_empty_fragment, "pdu_refused", "a PDU that cannot be taken apart"),
    "a second request": (_second_request, "pdu_refused", "an unexpected PDU of type 0x01"),
    "no command set": (
        _broken_command,
        "pdu_refused",
        "an element of a command set that is longer than it",
    ),
    "a context that was not accepted": (
        _another_context,
        "pdu_refused",
        "a presentation context that was not accepted",
    ),
    "silence": (_silence, "association_timed_out", "nothing came for 2 s"),
    "half a PDU": (_stop_in_mid_pdu, "pdu_refused", "a PDU that took over 1 s"),
    "no contexts": (_no_contexts, "association_without_contexts", NONE_ACCEPTED),
    "no contexts, then A-ABORT": (
        _no_contexts_and_abort,
        "association_without_contexts",
        NONE_ACCEPTED,
    ),
}


@pytest.mark.parametrize(("go", "event", "reason"), ENDS.values(), ids=ENDS)
def test_every_other_end_leaves_one_line(
    tmp_path: Path,
    migrated_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    go: Callable[[HostilePeer], None],
    event: str,
    reason: str,
) -> None:
    """Whoever ends it, before or after it began, the log says once who it was and why."""
    monkeypatch.setattr(scp, "NETWORK_TIMEOUT_S", 2)
    monkeypatch.setattr(server, "PDU_TIMEOUT_S", 1)
    with (
        running_receiver(tmp_path, migrated_database, artim_timeout_s=1.0) as receiver,
        capture_logs() as lines,
    ):
        with hostile_peer(receiver.peer.host, receiver.peer.port) as peer:
            go(peer)
            if peer.connection.fileno() >= 0:
                wait_until(lambda: bool(about_peers(lines)), "the line", 10)
        wait_until(lambda: bool(about_peers(lines)), "the line", 10)
        wait_until(lambda: not associations_here(), "the association's end", 10)
        assert about_peers(lines) == [(event, reason)]


def test_an_association_with_objects_has_one_line_too(receiver: Receiver) -> None:
    """The one that counts them says also that, and why, it was not released."""
    with capture_logs() as lines, asking(receiver, Asked().pdu) as peer:
        assert answer(peer)[0] == A_ASSOCIATE_AC
        send_radiograph(peer, radiograph())
        assert answer(peer)[0] == P_DATA_TF
        peer.send(pdu(A_ABORT, bytes(4)))
        wait_until(lambda: not associations_here(), "the association's end", 10)
    assert about_peers(lines) == [("association_closed", "the peer sent A-ABORT")]


def test_dcmtk_without_an_accepted_context_is_in_the_log(receiver: Receiver) -> None:
    """So that somebody sees why a modality cannot send, though it may connect."""
    address = [receiver.peer.host, str(receiver.peer.port)]
    command = ["findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-aet", "CR_ROOM_7", *address]
    with capture_logs() as lines:
        subprocess.run(command, check=False, capture_output=True, timeout=30)
        wait_until(lambda: bool(about_peers(lines)), "the line", 10)
        wait_until(lambda: not associations_here(), "the association's end", 10)
    assert about_peers(lines) == [("association_without_contexts", NONE_ACCEPTED)]
    [line] = [one for one in lines if one["event"] == "association_without_contexts"]
    assert line["calling_ae_title"] == "CR_ROOM_7"
    assert line["sop_classes"] == ["1.2.840.10008.5.1.4.1.2.2.1"]


def test_an_association_that_outlasts_the_scp_is_told_so(
    tmp_path: Path, migrated_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended when the SCP stops, and the log does not blame the peer."""
    monkeypatch.setattr(scp, "FINISH_TIMEOUT_S", 0.1)
    with capture_logs() as lines:
        with running_receiver(tmp_path, migrated_database) as receiver:
            peer = HostilePeer(socket.create_connection((receiver.peer.host, receiver.peer.port)))
            peer.associate()
        with peer.connection:
            assert peer.kinds_until_the_end() == [A_ABORT]
        wait_until(lambda: not associations_here(), "the association's end", 10)
    assert about_peers(lines) == [("association_ended_early", "the SCP was told to stop")]
