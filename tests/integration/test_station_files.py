"""What `screening up` and its stations leave on the disk: private files, and logs of JSON lines."""

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bundles.thin_hook import THIN_NETWORKS_KNOWN
from tests.services.servers import free_port
from tests.sites import prefork
from tests.sites.site import Site, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.tensorflow]
STATIONS = ("receive", "classify", "report", "web")
UP_TIMEOUT_S = 280


@pytest.fixture
def site(tmp_path: Path, thin_bundle_dir: Path) -> Site:
    """Return a site that writes reports to a folder and to a destination that is away."""
    away = {"name": "away", "host": "127.0.0.1", "port": free_port(), "ae_title": "AWAY"}
    return Site(
        tmp_path,
        bundle_dir=thin_bundle_dir,
        PYTHONPATH=THIN_NETWORKS_KNOWN,
        SCREENING_REPORTS_FOLDER="yes",
        SCREENING_DESTINATIONS=json.dumps([away]),
        SCREENING_LOG_LEVEL="DEBUG",
    )


@pytest.fixture(autouse=True)
def generous_umask() -> Iterator[None]:
    """Have every process start with a umask that keeps nobody out."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Return what group or others may touch, the folder included."""
    return [
        f"{path} {stat.filemode(path.lstat().st_mode)}"
        for path in (folder, *folder.rglob("*"))
        if path.lstat().st_mode & 0o077
    ]


def events(log: Path) -> list[dict[str, Any]]:
    """Return a log's events; fails where a line is none."""
    found = [json.loads(line) for line in log.read_text().splitlines()]
    assert all({"event", "level", "station", "timestamp"} <= event.keys() for event in found)
    return found


def test_what_up_writes_is_private_and_its_logs_are_json(site: Site, phantoms: list[Path]) -> None:
    """Database, spool, reports, messages and logs; what is opened meanwhile is mended."""
    data = site.settings.data_dir
    with site.up() as up:
        site.send(phantoms[:2])
        wait_until(lambda: len(list(data.glob("reports/*/*.dcm"))) == 2, "reports")
        wait_until(lambda: "delivery_attempted" in (data / "logs/report.log").read_text(), "tries")
        with socket.create_connection(("127.0.0.1", site.settings.web_port)) as rude:
            rude.sendall(b"\0 no request\r\n\r\n")
            rude.recv(1000)
        assert open_to_others(data) == []
        up.send_signal(signal.SIGINT)
        assert up.wait(UP_TIMEOUT_S) == 0
    said = {name: events(data / "logs" / f"{name}.log") for name in STATIONS}
    assert any(event["event"] == "library_wrote" for event in said["classify"])
    [*attempts] = [e for e in said["report"] if e["event"] == "delivery_attempted"]
    told = {(e["destination"], e["level"], "reason" in e) for e in attempts}
    assert told == {("reports-folder", "info", False), ("away", "warning", True)}
    for path in (data, *data.rglob("*")):
        path.chmod(path.stat().st_mode | 0o066)
    with site.up():
        wait_until(lambda: open_to_others(data) == [], "mended modes")


@pytest.mark.parametrize("station", STATIONS)
def test_a_station_says_in_its_log_why_it_does_not_start(station: str, site: Site) -> None:
    """A wrong setting, and a database without a schema: one JSON event, and status 2."""
    for variables, reason in (
        ({"SCREENING_SCP_PORT": "many"}, "scp_port (SCREENING_SCP_PORT)"),
        ({}, "run `screening db upgrade`"),
    ):
        ended = prefork.run(
            ["run", station],
            environment={**site.environment, **variables},
            folder=site.folder,
            timeout_s=UP_TIMEOUT_S,
        )
        assert (ended.returncode, ended.stdout) == (2, "")
        said = json.loads(ended.stderr.splitlines()[-1])
        assert (said["event"], said["level"], said["station"]) == (
            "station_not_started",
            "critical",
            station,
        )
        assert reason in said["reason"]
