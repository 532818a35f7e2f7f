"""HAProxy before two SCPs, with the configuration of deploy/ as it stands but for the addresses."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from screening.db.session import Database
from screening.receive.connections.admission import Admission, Refused
from tests.peers.association_by_hand import answer, release, response, send_radiograph
from tests.peers.association_requests import Asked
from tests.peers.hostile_peer import A_ASSOCIATE_AC, TIMEOUT_S, HostilePeer
from tests.peers.receiving import Receiver, radiograph, running_receiver
from tests.services.programs import program
from tests.services.servers import free_port
from tests.sites.site import wait_until

pytestmark = pytest.mark.integration
CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy" / "haproxy.cfg"
PROXY, MODALITY = "127.0.0.1", "127.0.0.5"


@contextmanager
def running_haproxy(folder: Path, *scp_ports: int) -> Iterator[int]:
    """Run HAProxy before SCPs on this machine, with health checks every 200 ms; yields its port."""
    port = free_port()
    text = CONFIGURATION.read_text(encoding="utf-8")
    placed = {
        "bind 10.1.2.10:11112": f"bind {PROXY}:{port}",
        "10.1.2.11:11112": f"{PROXY}:{scp_ports[0]}",
        "10.1.2.12:11112": f"{PROXY}:{scp_ports[1]}",
        "inter 5s": "inter 200ms",
    }
    for right, here in placed.items():
        assert text.count(right) == 1
        text = text.replace(right, here)
    path = folder / "haproxy.cfg"
    path.write_text(text, encoding="utf-8")
    with subprocess.Popen(
        [program("haproxy"), "-db", "-f", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            wait_until(lambda: _listens(port), "HAProxy", 20)
            yield port
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    try:
        socket.create_connection((PROXY, port), 1).close()
    except OSError:
        return False
    return True


def send_from(source: str, port: int, sop_instance_uid: str) -> bool:
    """Send a radiograph from one of this machine's addresses; return whether it was taken."""
    try:
        with socket.create_connection((PROXY, port), TIMEOUT_S, (source, 0)) as connection:
            peer = HostilePeer(connection)
            peer.send(Asked().pdu)
            if answer(peer)[0] != A_ASSOCIATE_AC:
                return False
            send_radiograph(peer, radiograph(SOPInstanceUID=sop_instance_uid))
            response(peer)
            release(peer)
    except (OSError, AssertionError):
        return False
    return True


Run = Callable[[], AbstractContextManager[Receiver]]


@pytest.fixture
def run(tmp_path: Path, migrated_database: Database) -> Run:
    """Return how to run an SCP that trusts the proxy, and lets in it and one modality."""
    return lambda: running_receiver(
        tmp_path,
        migrated_database,
        scp_trusted_proxies=PROXY,
        allowed_addresses=f"{PROXY},{MODALITY}",
        allowed_calling_ae_titles="CR_ROOM_1,HAPROXY",
    )


def test_associations_go_to_two_scps_and_address_rules_hold(run: Run, tmp_path: Path) -> None:
    """The rows name the modality's address; who is not let in is not let in by the proxy."""
    with (
        run() as one,
        run() as other,
        running_haproxy(tmp_path, one.peer.port, other.peer.port) as port,
    ):
        with capture_logs() as lines:
            taken = [send_from(MODALITY, port, f"1.2.3.1.1.{number}") for number in range(6)]
            assert taken == [True] * 6
            assert not send_from("127.0.0.6", port, "1.2.3.1.1.7")
        assert {row.peer_address for row in one.associations()} == {MODALITY}
        assert len(one.instances()) == 6
        refused = [
            line["peer_address"]
            for line in lines
            if line["log_level"] == "warning" and "peer_address" in line
        ]
        assert refused == ["127.0.0.6"]


def test_an_scp_that_ends_takes_nobody_with_it(run: Run, tmp_path: Path) -> None:
    """Its health check fails, and the other takes what modalities send."""
    with run() as one, running_haproxy(tmp_path, one.peer.port, free_port()) as port:
        wait_until(
            lambda: all(send_from(MODALITY, port, f"1.2.3.1.1.{n}") for n in range(4)),
            "the absent one to be left out",
            20,
        )
        assert len(one.instances()) == 4


def test_an_scp_without_room_is_left_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It rejects the health check's association, as it would a modality's."""
    with (
        run() as full,
        run() as other,
        running_haproxy(tmp_path, full.peer.port, other.peer.port) as port,
    ):
        served: list[int] = []

        def enter(admission: Admission, key: Any, **titles: str) -> Refused | None:
            listener = key.acceptor.address_info.port
            if listener == full.peer.port:
                return Refused.TOO_LITTLE_SPACE
            if titles["calling_ae_title"] == "CR_ROOM_1":
                served.append(listener)
            return enter_anyhow(admission, key, **titles)

        enter_anyhow = Admission.enter
        monkeypatch.setattr(Admission, "enter", enter)
        wait_until(
            lambda: all(send_from(MODALITY, port, f"1.2.3.1.1.{n}") for n in range(4)),
            "the full one to be left out",
            20,
        )
        assert set(served) == {other.peer.port}
