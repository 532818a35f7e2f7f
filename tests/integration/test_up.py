"""`screening up` looks after its stations: it starts again what dies and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles.thin_hook import THIN_NETWORKS_KNOWN
from tests.services.servers import free_port
from tests.sites.site import Site, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]


@pytest.fixture(name="running", scope="module")
def running_up(
    tmp_path_factory: pytest.TempPathFactory, thin_bundle_dir: Path
) -> Iterator[tuple[Site, subprocess.Popen[bytes]]]:
    """Run `screening up` with every station; the last of the tests that share it ends it."""
    site = Site(
        tmp_path_factory.mktemp("site"),
        bundle_dir=thin_bundle_dir,
        PYTHONPATH=THIN_NETWORKS_KNOWN,
        SCREENING_STOW_PORT=str(free_port()),
    )
    with site.up() as process:
        del site.variables["PYTHONPATH"]
        yield site, process


def children(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """Return the process id of each station."""
    listed = subprocess.run(
        ["ps", "--ppid", str(process.pid), "-o", "pid=,args="],
        check=False,
        capture_output=True,
        text=True,
    )
    found = {}
    for line in listed.stdout.splitlines():
        pid, _, arguments = line.strip().partition(" ")
        words = arguments.split()
        if "run" in words and "<defunct>" not in words:
            found[words[words.index("run") + 1]] = int(pid)
    return found


def is_running(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_second_up_on_the_same_folder_is_refused(
    running: tuple[Site, subprocess.Popen[bytes]],
) -> None:
    """The message says what holds the folder and what to do."""
    site, up = running
    assert up.poll() is None
    second = site.run("up", check=False)
    assert second.returncode == 2
    assert "another `screening up`" in second.stderr


def test_a_station_that_dies_is_started_again_and_ctrl_c_leaves_nothing(
    running: tuple[Site, subprocess.Popen[bytes]],
) -> None:
    """After kill -9 of the SCP images are taken again; SIGINT ends every process with status 0."""
    site, up = running
    first = children(up)
    assert set(first) == {"receive", "classify", "report", "web", "stow"}
    os.kill(first["receive"], signal.SIGKILL)
    wait_until(lambda: children(up).get("receive", first["receive"]) != first["receive"], "an SCP")
    site.wait_for_scp()
    last = children(up)
    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 0
    assert not [station for station, pid in last.items() if is_running(pid)]


def test_stations_end_with_a_supervisor_that_was_killed(
    tmp_path: Path, thin_bundle_dir: Path
) -> None:
    """After kill -9 of `up` the ports are free for the next start."""
    site = Site(tmp_path, bundle_dir=thin_bundle_dir, PYTHONPATH=THIN_NETWORKS_KNOWN)
    with site.up() as up:
        stations = children(up)
        up.kill()
        wait_until(lambda: not any(map(is_running, stations.values())), "the stations to end")
    again = subprocess.run(
        [sys.executable, "-m", "screening", "up", "--once"],
        env={**os.environ, **site.variables},
        cwd=site.folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert again.returncode == 0, again.stderr
