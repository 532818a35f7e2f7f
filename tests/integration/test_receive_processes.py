"""Several processes on one port: one limit, one stop, and a killed one costs only its own."""

import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from screening.cli.exit_statuses import NOT_STARTED
from screening.db.tables.instances import Instance
from tests.peers.hostile_peer import (
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    COMMAND,
    CR_CONTEXT_ID,
    ECHO_CONTEXT_ID,
    LAST_FRAGMENT,
    P_DATA_TF,
    HostilePeer,
    association_request,
    connects,
    echo_command,
    hostile_peer,
    p_data,
    store_command,
)
from tests.services.certificates import self_signed
from tests.sites.site import Site, running_site, wait_until

pytestmark = pytest.mark.integration
PROCESSES, ASSOCIATIONS, HALF_OPEN = 2, 4, 6


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Run an SCP of two processes."""
    with running_site(
        tmp_path,
        bundle_dir=tmp_path / "none",
        SCREENING_SCP_PROCESSES=str(PROCESSES),
        SCREENING_MAX_ASSOCIATIONS=str(ASSOCIATIONS),
        SCREENING_MAX_HALF_OPEN_PER_ADDRESS=str(HALF_OPEN),
        SCREENING_ARTIM_TIMEOUT_S="20",
    ) as running:
        running.start("receive")
        running.wait_for_scp()
        yield running


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def serving(site: Site) -> list[int]:
    """Return the processes that serve, once all of them run."""
    pid = site.processes["receive"].pid
    wait_until(lambda: len(children(pid)) == PROCESSES, "all processes to run")
    return children(pid)


def connections(pid: int, port: int) -> int:
    """Return how many TCP connections to the SCP's port a process holds."""
    own = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            own.add(str(descriptor.readlink()))
        except OSError:
            continue
    table = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in table]
    return sum(
        row[1].endswith(f":{port:04X}") and row[3] == "01" and f"socket:[{row[9]}]" in own
        for row in rows
    )


def associated(stack: ExitStack, site: Site) -> tuple[HostilePeer, int]:
    """Ask for an association; return its peer and the type of the answer."""
    peer = stack.enter_context(hostile_peer("127.0.0.1", site.settings.scp_port))
    peer.send(association_request())
    answer = peer.receive()
    assert answer is not None
    return peer, answer[0]


def answers(peer: HostilePeer) -> bool:
    """Return whether an association still answers a C-ECHO."""
    try:
        peer.send(p_data(ECHO_CONTEXT_ID, COMMAND | LAST_FRAGMENT, echo_command()))
        answer = peer.receive()
    except OSError:
        return False
    return answer is not None and answer[0] == P_DATA_TF


def stored(site: Site) -> int:
    """Return how many objects have a row."""
    with closing(site.database) as database, database.read() as session:
        return session.scalar(select(func.count()).select_from(Instance)) or 0


def test_a_killed_process_costs_its_own_associations_alone(
    site: Site, phantoms: list[Path]
) -> None:
    """Half an object of it goes, its places are free, it is started again; the others go on."""
    incoming = site.settings.spool_dir / "incoming"
    with ExitStack() as stack:
        pids = serving(site)
        peers = [associated(stack, site)[0] for _ in range(ASSOCIATIONS)]
        assert [connections(pid, site.settings.scp_port) for pid in pids] == [2, 2]
        for peer in peers:
            peer.send(p_data(CR_CONTEXT_ID, COMMAND | LAST_FRAGMENT, store_command()))
            peer.send(p_data(CR_CONTEXT_ID, 0, bytes(100_000)))
        wait_until(lambda: len(list(incoming.iterdir())) == ASSOCIATIONS, "objects to come", 20)
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: len(list(incoming.iterdir())) == 2, "half objects to be removed", 20)
        assert sorted(map(answers, peers)) == [False, False, True, True]
        more = [associated(stack, site)[1] for _ in range(3)]
        assert more == [A_ASSOCIATE_AC, A_ASSOCIATE_AC, A_ASSOCIATE_RJ]
        assert set(serving(site)) - set(pids)
    site.send(phantoms)
    assert stored(site) == len(phantoms)
    assert "scp_process_ended" in site.log("receive")


def test_associations_are_limited_over_all_processes(site: Site) -> None:
    """One too many is told to come again, and is let in when another one has gone."""
    with ExitStack() as stack:
        peers = [associated(stack, site) for _ in range(ASSOCIATIONS + 1)]
        kinds = [kind for _, kind in peers]
        assert kinds == [A_ASSOCIATE_AC] * ASSOCIATIONS + [A_ASSOCIATE_RJ]
        peers[0][0].connection.close()
        wait_until(lambda: associated(stack, site)[1] == A_ASSOCIATE_AC, "a free place", 20)


def test_half_open_connections_are_limited_over_all_processes(site: Site) -> None:
    """The oldest of an address goes, whichever process waits for it; associations stay."""
    address = ("127.0.0.1", site.settings.scp_port)
    with ExitStack() as stack:
        peer, _ = associated(stack, site)
        silent = [
            stack.enter_context(socket.create_connection(address, timeout=20))
            for _ in range(HALF_OPEN + 2)
        ]
        assert [connection.recv(1) for connection in silent[:2]] == [b"", b""]
        for connection in silent[2:]:
            connection.settimeout(0.2)
            with pytest.raises(TimeoutError):
                connection.recv(1)
        assert answers(peer)
        wait_until(lambda: "connection_dropped" in site.log("receive"), "a line in the log", 20)


def test_told_to_stop_they_finish_what_they_began(site: Site, phantoms: list[Path]) -> None:
    """The port closes at once; an association is served to its end, and every process ends."""
    pids = serving(site)
    site.send(phantoms)
    with ExitStack() as stack:
        peer, _ = associated(stack, site)
        site.processes["receive"].send_signal(signal.SIGTERM)
        wait_until(lambda: not connects(site.settings.scp_port), "the port to close", 20)
        assert answers(peer)
    assert site.processes["receive"].wait(40) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert stored(site) == len(phantoms)
    del site.processes["receive"]


def test_none_is_left_where_the_one_that_accepts_is_killed(site: Site) -> None:
    """Its port is free at once, and those that serve finish."""
    pids = serving(site)
    site.kill("receive")
    assert not connects(site.settings.scp_port)
    wait_until(lambda: not any(map(is_running, pids)), "the others to end", 40)


def is_running(pid: int) -> bool:
    """Return whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_setting_that_is_wrong_ends_them_all(tmp_path: Path) -> None:
    """As it does with one process, with the reason in the log."""
    with running_site(
        tmp_path,
        bundle_dir=tmp_path / "none",
        SCREENING_SCP_PROCESSES=str(PROCESSES),
        SCREENING_SCP_TLS="server",
        SCREENING_TLS_CERTIFICATE=str(tmp_path / "absent.pem"),
        SCREENING_TLS_PRIVATE_KEY=str(tmp_path / "absent.key"),
    ) as site:
        site.start("receive")
        assert site.processes.pop("receive").wait(40) == NOT_STARTED
        assert "absent.pem" in site.log("receive")


def test_proxies_and_tls_are_heard_by_the_process_that_serves(tmp_path: Path) -> None:
    """What limits connections counts them under the client that the proxy names."""
    identity = self_signed(tmp_path)
    with ExitStack() as stack:
        site = stack.enter_context(
            running_site(
                tmp_path,
                bundle_dir=tmp_path / "none",
                SCREENING_SCP_PROCESSES=str(PROCESSES),
                SCREENING_SCP_TRUSTED_PROXIES="127.0.0.2",
                SCREENING_MAX_HALF_OPEN_PER_ADDRESS="2",
                SCREENING_ARTIM_TIMEOUT_S="20",
                SCREENING_SCP_TLS="server",
                SCREENING_TLS_CERTIFICATE=str(identity.certificate),
                SCREENING_TLS_PRIVATE_KEY=str(identity.private_key),
            )
        )
        site.start("receive")
        wait_until(lambda: connects(site.settings.scp_port), "the port to open")

        def through_proxy(client: str) -> socket.socket:
            connection = stack.enter_context(
                socket.create_connection(
                    ("127.0.0.1", site.settings.scp_port), 40, source_address=("127.0.0.2", 0)
                )
            )
            connection.sendall(f"PROXY TCP4 {client} 10.0.0.1 1024 104\r\n".encode())
            return connection

        oldest, *_ = [through_proxy("10.1.1.1") for _ in range(3)]
        assert oldest.recv(1) == b""
        tls = ssl.create_default_context(cafile=str(identity.certificate))
        shown = tls.wrap_socket(through_proxy("10.2.2.2"), server_hostname="127.0.0.1")
        peer = HostilePeer(stack.enter_context(shown))
        peer.associate()
        assert answers(peer)
        wait_until(lambda: '"peer_address": "10.1.1.1"' in site.log("receive"), "a line", 20)
