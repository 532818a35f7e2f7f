"""DICOM over TLS at the SCP (PS3.15 B.12), with pynetdicom, OpenSSL and DCMTK as peers."""

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from screening.db.session import Database
from screening.storage_scu.association import NotAssociatedError
from screening.storage_scu.verification import answers_echo
from screening.transport.tls import Credentials, client_context, own_client_context
from tests.peers.hostile_peer import association_request
from tests.peers.receiving import (
    SUCCESS,
    Receiver,
    hardly_slower,
    radiograph,
    running_receiver,
    slow_echo_s,
)
from tests.services.certificates import Authority, Identity

pytestmark = pytest.mark.integration
Run = Callable[..., AbstractContextManager[Receiver]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that SCP and peers trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def scp_identity(authority: Authority) -> Identity:
    """Return the SCP's certificate."""
    return authority.identity("scp")


@pytest.fixture(scope="module")
def peer_identity(authority: Authority) -> Identity:
    """Return a modality's certificate."""
    return authority.identity("modality")


@pytest.fixture
def run(
    tmp_path: Path, migrated_database: Database, authority: Authority, scp_identity: Identity
) -> Run:
    """Return how to run an SCP with TLS."""

    def running(scp_tls: str, **settings: Any) -> AbstractContextManager[Receiver]:
        return running_receiver(
            tmp_path / "data",
            migrated_database,
            scp_tls=scp_tls,
            tls_certificate=scp_identity.certificate,
            tls_private_key=scp_identity.private_key,
            tls_trusted_certificates=authority.certificate,
            **settings,
        )

    return running


@pytest.fixture
def mutual(run: Run) -> Iterator[Receiver]:
    """Run an SCP whose peers must show a certificate."""
    with run("mutual") as receiver:
        yield receiver


def over_tls(receiver: Receiver, authority: Authority, identity: Identity | None) -> Receiver:
    """Return the receiver as a peer with this certificate sees it."""
    shown = (identity.certificate, identity.private_key) if identity else (None, None)
    context = client_context(Credentials(*shown, authority.certificate))
    return replace(receiver, peer=replace(receiver.peer, tls=context))


def echoscu(receiver: Receiver, *options: str) -> int:
    """Run DCMTK's echoscu and return its exit status."""
    command = ["echoscu", *options, receiver.peer.host, str(receiver.peer.port)]
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode


def dcmtk_options(authority: Authority, identity: Identity | None) -> list[str]:
    """Return how DCMTK is told of certificates; without one it is anonymous."""
    files = ["+tls", str(identity.private_key), str(identity.certificate)] if identity else ["+tla"]
    return [*files, "+cf", str(authority.certificate)]


def test_an_object_comes_in_over_tls(run: Run, authority: Authority) -> None:
    """Large enough for many TLS records, over one association."""
    with run("server") as receiver:
        sent = [radiograph(side=2000), radiograph(SOPInstanceUID="1.2.3.1.1.2")]
        answers = over_tls(receiver, authority, None).send(*sent)
        assert [answer.status for answer in answers] == [SUCCESS] * 2
        assert len(receiver.kept()) == 2


def test_dcmtk_verifies_and_stores_over_mutual_tls(
    mutual: Receiver, authority: Authority, peer_identity: Identity, tmp_path: Path
) -> None:
    """A peer that is none of ours, by its BCP 195 profiles."""
    options = dcmtk_options(authority, peer_identity)
    assert [echoscu(mutual, *options, profile) for profile in ("+py", "+px")] == [0, 0]
    file = tmp_path / "radiograph.dcm"
    file.write_bytes(radiograph())
    address = [mutual.peer.host, str(mutual.peer.port)]
    assert subprocess.run(["storescu", *options, *address, file], check=False).returncode == 0
    assert len(mutual.instances()) == 1


def test_who_shows_no_trusted_certificate_is_kept_out(
    mutual: Receiver, authority: Authority, peer_identity: Identity, tmp_path: Path
) -> None:
    """None, or one of another authority; those with a trusted one go on."""
    stranger = Authority(tmp_path, "elsewhere").identity("stranger")
    assert echoscu(mutual, *dcmtk_options(authority, None)) != 0
    assert echoscu(mutual, *dcmtk_options(authority, stranger)) != 0
    for identity in (None, stranger):
        with pytest.raises(NotAssociatedError):
            over_tls(mutual, authority, identity).send(radiograph())
    assert over_tls(mutual, authority, peer_identity).send(radiograph())[0].status == SUCCESS


def test_server_tls_asks_for_no_certificate(run: Run, authority: Authority) -> None:
    """DCMTK's anonymous TLS gets in."""
    with run("server") as receiver:
        assert echoscu(receiver, *dcmtk_options(authority, None)) == 0


def test_plain_dicom_gets_nothing_from_a_tls_port(run: Run, authority: Authority) -> None:
    """And it does no harm there."""
    with run("server") as receiver:
        assert not answers_echo(receiver.peer, timeout_s=5)
        assert echoscu(receiver) != 0
        assert answers_echo(over_tls(receiver, authority, None).peer, timeout_s=10)


def test_a_peer_does_not_send_to_an_scp_it_does_not_trust(run: Run, tmp_path: Path) -> None:
    """Our SCU says that the certificate is the trouble."""
    with run("server") as receiver:
        elsewhere = Authority(tmp_path, "elsewhere")
        with pytest.raises(NotAssociatedError, match="certificate is not trusted"):
            over_tls(receiver, elsewhere, None).send(radiograph())


def test_screening_up_knows_its_own_scp_by_its_certificate(
    run: Run, authority: Authority, scp_identity: Identity
) -> None:
    """Whatever names are in it, where the whole chain is not trusted; no other passes for it."""
    with run("mutual") as receiver:
        for identity, expected in ((scp_identity, True), (authority.identity("other"), False)):
            files = Credentials(identity.certificate, identity.private_key)
            peer = replace(receiver.peer, tls=own_client_context(files))
            assert answers_echo(peer, timeout_s=10) is expected


@pytest.mark.parametrize(
    ("version", "suites", "expected"),
    [
        (ssl.TLSVersion.TLSv1_3, "DEFAULT", "TLSv1.3"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM", "TLSv1.2"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA256:AES256-GCM-SHA384", None),
        (ssl.TLSVersion.TLSv1_2, "DHE+AESGCM", None),
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", None),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # old versions, on purpose
def test_versions_and_suites_are_those_of_bcp_195(
    run: Run, authority: Authority, version: ssl.TLSVersion, suites: str, expected: str | None
) -> None:
    """TLS 1.3, or 1.2 with forward secrecy and authenticated encryption; nothing older."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.set_ciphers(suites)
    context.minimum_version = context.maximum_version = version
    with run("server") as receiver, ExitStack() as stack:
        address = (receiver.peer.host, receiver.peer.port)
        plain = stack.enter_context(socket.create_connection(address, 10))
        if expected is None:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_hostname="127.0.0.1")
        else:
            secured = context.wrap_socket(plain, server_hostname="127.0.0.1")
            assert stack.enter_context(secured).version() == expected


def test_silent_tls_connections_hold_up_nobody(run: Run, authority: Authority) -> None:
    """50 that never begin, and some that stop in mid-handshake: C-ECHO stays under a second."""
    with run("server") as receiver, ExitStack() as stack:
        peer = over_tls(receiver, authority, None).peer
        alone_s = slow_echo_s(peer)
        for number in range(60):
            silent = socket.create_connection((peer.host, peer.port), 10)
            stack.enter_context(silent)
            if number % 6 == 0:
                silent.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
        assert hardly_slower(alone_s, slow_echo_s(peer))


def test_an_association_request_split_over_tls_records_is_put_together(
    run: Run, authority: Authority
) -> None:
    """One byte a record."""
    context = client_context(Credentials(None, None, authority.certificate))
    with run("server") as receiver, ExitStack() as stack:
        address = (receiver.peer.host, receiver.peer.port)
        plain = stack.enter_context(socket.create_connection(address, 10))
        secured = stack.enter_context(context.wrap_socket(plain, server_hostname="127.0.0.1"))
        for byte in association_request():
            secured.sendall(bytes([byte]))
        assert secured.recv(1) == b"\x02"
