"""TCP proxies before the SCP: whose word counts for where a peer is (the PROXY protocol)."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from screening.db.session import Database
from tests.peers.association_by_hand import Lines, answer, release, response, send_radiograph
from tests.peers.association_requests import Asked
from tests.peers.hostile_peer import A_ABORT, A_ASSOCIATE_AC, TIMEOUT_S, HostilePeer
from tests.peers.receiving import Receiver, radiograph, running_receiver
from tests.services.certificates import Authority
from tests.sites.site import wait_until
from tests.unit.receive.test_proxy_header import version_2

pytestmark = pytest.mark.integration
PROXY, ANOTHER = "127.0.0.1", "127.0.0.2"
"""Addresses of this machine to connect from."""
UNRECOGNIZED = bytes([0, 0, 2, 1])
VERSION_1 = b"PROXY TCP4 10.1.2.3 10.1.2.99 50123 11112\r\n"
Run = Callable[..., AbstractContextManager[Receiver]]


@pytest.fixture
def run(tmp_path: Path, migrated_database: Database) -> Run:
    """Return how to run an SCP that trusts a proxy."""

    def running(**settings: Any) -> AbstractContextManager[Receiver]:
        values = {"scp_trusted_proxies": PROXY, "artim_timeout_s": 1.5, **settings}
        return running_receiver(tmp_path, migrated_database, **values)

    return running


@contextmanager
def connected(receiver: Receiver, source: str, *sent: bytes) -> Iterator[HostilePeer]:
    """Connect from one of this machine's addresses, and send."""
    address = (receiver.peer.host, receiver.peer.port)
    with socket.create_connection(address, TIMEOUT_S, (source, 0)) as connection:
        peer = HostilePeer(connection)
        for part in sent:
            peer.send(part)
        yield peer


def lines_of(lines: Lines) -> list[tuple[str, str, str]]:
    """Return event, address and reason of what the log says of peers."""
    return [
        (line["event"], line["peer_address"], line["reason"])
        for line in lines
        if "peer_address" in line and line.get("reason") != "released"
    ]


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (VERSION_1, "10.1.2.3"),
        (b"PROXY TCP6 fd00::7 fd00::1 50123 11112\r\n", "fd00::7"),
        (version_2("10.1.2.3"), "10.1.2.3"),
        (version_2("fd00::7"), "fd00::7"),
        (version_2("::ffff:10.1.2.3"), "10.1.2.3"),
        (b"PROXY UNKNOWN\r\n", PROXY),
        (version_2("10.1.2.3", command=0x20), PROXY),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_client_is_who_the_trusted_proxy_says(
    run: Run, header: bytes, address: str, *, at_once: bool
) -> None:
    """Its address is recorded; a proxy that names nobody speaks for itself."""
    sent = header + Asked().pdu
    parts = [sent] if at_once else [sent[:3], sent[3 : len(header) + 2], sent[len(header) + 2 :]]
    with run() as receiver:
        with connected(receiver, PROXY, *parts) as peer:
            assert answer(peer)[0] == A_ASSOCIATE_AC
            send_radiograph(peer, radiograph())
            response(peer)
            release(peer)
        assert [one.peer_address for one in receiver.associations()] == [address]


@pytest.mark.parametrize(
    ("header", "let_in", "said"),
    [
        (version_2("10.1.2.3"), True, None),
        (version_2("10.9.9.9"), False, "10.9.9.9"),
        (b"PROXY TCP4 10.9.9.9 10.1.2.99 1 2\r\n", False, "10.9.9.9"),
        (version_2("fd00::7"), False, "fd00::7"),
        (version_2("10.1.2.3", command=0x20), False, PROXY),
        (b"PROXY UNKNOWN\r\n", False, PROXY),
    ],
)
def test_address_rules_are_about_the_client(
    run: Run, header: bytes, said: str | None, *, let_in: bool
) -> None:
    """A proxy brings in nobody who could not come alone, itself included."""
    with (
        run(allowed_addresses="10.1.2.0/24") as receiver,
        capture_logs() as lines,
        connected(receiver, PROXY, header) as peer,
    ):
        peer.flood(Asked().pdu, 1)
        if let_in:
            assert answer(peer)[0] == A_ASSOCIATE_AC
            release(peer)
        else:
            with pytest.raises((AssertionError, OSError)):
                answer(peer)
            reason = "not in SCREENING_ALLOWED_ADDRESSES"
            assert lines_of(lines) == [("connection_refused", said, reason)]


NO_HEADER = (
    "expected a PROXY header from this trusted proxy, found none; "
    "switch it on there (haproxy: send-proxy-v2)"
)
UNLISTED = "a PROXY header from an address that is not in SCREENING_SCP_TRUSTED_PROXIES"


@pytest.mark.parametrize(
    ("source", "sent", "reason"),
    [
        (PROXY, Asked().pdu, NO_HEADER),
        (ANOTHER, VERSION_1 + Asked().pdu, UNLISTED),
        (ANOTHER, version_2("10.1.2.3") + Asked().pdu, UNLISTED),
        (
            PROXY,
            b"PROXY UNKNOWN " + b"x" * 200,
            "a PROXY header of version 1 that does not end",
        ),
        (
            PROXY,
            version_2("10.1.2.3", further=bytes(5000)),
            "a PROXY header of version 2 that is too long",
        ),
        (
            PROXY,
            version_2("10.1.2.3", family=0x12),
            "a PROXY header of version 2 that names no TCP connection",
        ),
        (PROXY, VERSION_1 + VERSION_1 + Asked().pdu, UNLISTED),
    ],
)
def test_what_is_no_right_header_is_an_abort(
    run: Run, source: str, sent: bytes, reason: str
) -> None:
    """A header where none is expected, none where one is, one too long, and a second one."""
    said_by = "10.1.2.3" if sent.startswith(VERSION_1 * 2) else source
    with run() as receiver, capture_logs() as lines:
        with connected(receiver, source) as peer:
            peer.flood(sent, 1)
            assert answer(peer) == (A_ABORT, UNRECOGNIZED)
            assert peer.receive() is None
        assert lines_of(lines) == [("connection_ended_early", said_by, reason)]


@pytest.mark.parametrize("size", [1, 11, 14, 20])
def test_half_a_header_ends_with_artim(run: Run, size: int) -> None:
    """The time for the association request counts from the connection, the header included."""
    started = time.monotonic()
    with run() as receiver, capture_logs() as lines:
        with connected(receiver, PROXY, version_2("10.1.2.3")[:size]) as peer:
            assert peer.receive() is None
            assert 1 < time.monotonic() - started < TIMEOUT_S
        assert lines_of(lines) == [
            ("connection_ended_early", PROXY, "no association request in time")
        ]


def test_an_scp_without_proxies_takes_no_header(run: Run) -> None:
    """Or anybody could say any address."""
    with run(scp_trusted_proxies="") as receiver, capture_logs() as lines:
        with connected(receiver, PROXY) as peer:
            peer.flood(VERSION_1 + Asked().pdu, 1)
            assert answer(peer) == (A_ABORT, UNRECOGNIZED)
        assert lines_of(lines) == [("connection_ended_early", PROXY, UNLISTED)]


def test_a_health_check_leaves_no_line(run: Run) -> None:
    """A proxy looks every few seconds whether somebody listens, with a header or without."""
    with run() as receiver, capture_logs() as lines:
        for sent in ([], [version_2("10.1.2.3", command=0x20)], [b"PROXY UNKNOWN\r\n"]):
            with connected(receiver, PROXY, *sent) as peer:
                peer.connection.shutdown(socket.SHUT_WR)
                assert peer.receive() is None
        assert lines_of(lines) == []


def test_silent_clients_crowd_out_nobody_else(run: Run) -> None:
    """Connections without an association are counted by client, not by proxy."""
    with (
        run(max_half_open_per_address=2, artim_timeout_s=20) as receiver,
        capture_logs() as lines,
        ExitStack() as stack,
    ):
        quiet = connected(receiver, PROXY, version_2("10.1.2.9"))
        quiet_peer = stack.enter_context(quiet)
        silent = [
            stack.enter_context(connected(receiver, PROXY, version_2("10.1.2.3"))) for _ in range(6)
        ]
        wait_until(lambda: sum(map(has_ended, silent)) == 4, "the oldest to go", 10)
        quiet_peer.send(Asked().pdu)
        assert answer(quiet_peer)[0] == A_ASSOCIATE_AC
        release(quiet_peer)
    assert {line[:2] for line in lines_of(lines)} >= {("connection_dropped", "10.1.2.3")}
    assert not [line for line in lines_of(lines) if line[1] in {"10.1.2.9", PROXY}]


def has_ended(peer: HostilePeer) -> bool:
    """Return whether the SCP has closed a connection."""
    peer.connection.settimeout(0)
    try:
        return peer.connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that SCP and peers trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("source", [PROXY, ANOTHER])
def test_tls_begins_after_the_header(run: Run, authority: Authority, source: str) -> None:
    """From a trusted proxy; from elsewhere the header ends the connection, and is named."""
    identity = authority.identity(f"scp-{source}")
    tls = {
        "scp_tls": "server",
        "tls_certificate": identity.certificate,
        "tls_private_key": identity.private_key,
        "tls_trusted_certificates": authority.certificate,
    }
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.check_hostname = False
    with run(**tls) as receiver, capture_logs() as lines:
        with connected(receiver, source, version_2("10.1.2.3")) as plain:
            if source == ANOTHER:
                assert plain.receive() is None
            else:
                with context.wrap_socket(plain.connection) as connection:
                    peer = HostilePeer(connection)
                    peer.send(Asked().pdu)
                    assert answer(peer)[0] == A_ASSOCIATE_AC
                    send_radiograph(peer, radiograph())
                    response(peer)
                    release(peer)
                assert [one.peer_address for one in receiver.associations()] == ["10.1.2.3"]
        told = [("connection_ended_early", ANOTHER, UNLISTED)] if source == ANOTHER else []
        assert lines_of(lines) == told
