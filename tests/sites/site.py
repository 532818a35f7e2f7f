"""A whole site for one test: its own folder, ports, stations as processes, and real peers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.settings import NOT_SETTINGS, PREFIX, Settings, load_settings
from tests.services.servers import free_port
from tests.sites import prefork

START_TIMEOUT_S = 240
"""Also where the machine has other things to do: a worker loads TensorFlow and its networks."""
STOP_TIMEOUT_S = 40


class Site:
    """One installation below a folder; `start` and `kill` its stations, run its commands."""

    def __init__(self, folder: Path, *, bundle_dir: Path, **variables: str) -> None:
        self.folder = folder
        self.variables = {
            "SCREENING_DATA_DIR": str(folder / "data"),
            "SCREENING_BUNDLE_DIR": str(bundle_dir),
            "SCREENING_SCP_PORT": str(free_port()),
            "SCREENING_WEB_PORT": str(free_port()),
            "SCREENING_MIN_FREE_MIB": "1",
            **variables,
        }
        self.processes: dict[str, prefork.Forked | subprocess.Popen[bytes]] = {}
        self.forks_stations = True
        """False where their memory is measured: that of a new interpreter, as in production."""

    @property
    def settings(self) -> Settings:
        """The settings its processes see."""
        names = {
            key.removeprefix(PREFIX).lower(): value
            for key, value in self.variables.items()
            if key.startswith(PREFIX) and key not in NOT_SETTINGS
        }
        names["destinations"] = json.loads(names.get("destinations", "[]"))
        return load_settings(**names)

    @property
    def database(self) -> Database:
        """A connection of the test's own."""
        return Database(self.settings.resolved_database_url)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        return {**os.environ, **self.variables}

    def migrate(self) -> None:
        """Bring the database to the newest schema."""
        upgrade(self.settings.resolved_database_url)

    def run(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `screening ARGUMENTS` to its end."""
        ended = prefork.run(
            list(map(str, arguments)),
            environment=self.environment,
            folder=self.folder,
            timeout_s=280,
        )
        if check:
            ended.check_returncode()
        return ended

    def json(self, *arguments: str | Path) -> Any:
        """Run `screening ARGUMENTS --json` and parse what it prints."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def start(self, *stations: str) -> None:
        """Start stations as `screening run STATION`; their output goes to STATION.log.

        A second process of a station has a number: classify-2.
        """
        for station in stations:
            with (self.folder / f"{station}.log").open("ab") as log:
                command = ["run", station.partition("-")[0]]
                if self.forks_stations:
                    self.processes[station] = prefork.start(
                        command,
                        environment=self.environment,
                        folder=self.folder,
                        out=log,
                        err=log,
                    )
                else:
                    self.processes[station] = subprocess.Popen(
                        [sys.executable, "-m", "screening", *command],
                        env=self.environment,
                        cwd=self.folder,
                        stdout=log,
                        stderr=log,
                    )

    @contextlib.contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run `screening up` from when its stations answer to the end of the block."""
        with (self.folder / "up.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "screening", "up"],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        try:
            self.wait_for_log("up", "Ctrl-C stops")
            yield process
        finally:
            process.kill()
            process.wait()

    def kill(self, station: str) -> None:
        """Kill a station with SIGKILL, as a crash or the kernel would."""
        process = self.processes.pop(station)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """Stop every station with SIGTERM."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def log(self, station: str) -> str:
        """Return what a station has written so far."""
        path = self.folder / f"{station}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for_log(self, station: str, event: str) -> None:
        """Wait until a station has logged an event."""
        wait_until(lambda: event in self.log(station), f"{station} to log {event}")

    def wait_for_scp(self) -> None:
        """Wait until the SCP answers DCMTK's C-ECHO."""
        command = [
            "echoscu",
            "-aec",
            "SCREENING",
            "127.0.0.1",
            self.variables["SCREENING_SCP_PORT"],
        ]
        wait_until(
            lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0,
            "the SCP to answer C-ECHO",
        )

    def storescu(self, paths: Sequence[Path], *options: str) -> subprocess.CompletedProcess[str]:
        """Send files with DCMTK's storescu."""
        command = ["storescu", *options, "-aec", "SCREENING"]
        command += ["127.0.0.1", self.variables["SCREENING_SCP_PORT"], *map(str, paths)]
        environment = {**os.environ, "TCP_NODELAY": "1"}
        return subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True, timeout=120
        )

    def send(self, paths: Sequence[Path]) -> None:
        """Send files with `screening send`; every one must be answered with Success."""
        to = f"127.0.0.1:{self.variables['SCREENING_SCP_PORT']}"
        sent = self.run("send", *paths, "--to", to, "--aet", "SCREENING", "--json")
        statuses = [json.loads(line)["status"] for line in sent.stdout.splitlines()]
        assert statuses == ["0x0000"] * len(paths)

    def wait_until_settled(self, timeout_s: float = START_TIMEOUT_S) -> dict[str, Any]:
        """Wait until nothing waits any more, deliveries included; return the ledger."""
        from screening.ops.ledger import read_ledger
        from screening.ops.progress import read_progress

        names = [destination.name for destination in self.settings.all_destinations]
        with contextlib.closing(self.database) as database:
            wait_until(
                lambda: not read_progress(database, names).waiting, "all work to be done", timeout_s
            )
            return read_ledger(database).as_dict()


@contextlib.contextmanager
def running_site(folder: Path, *, bundle_dir: Path, **variables: str) -> Iterator[Site]:
    """Yield a site with a migrated database; its stations are stopped at the end."""
    site = Site(folder, bundle_dir=bundle_dir, **variables)
    site.migrate()
    try:
        yield site
    finally:
        site.stop()


def wait_until(true: Callable[[], bool], what: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Poll until `true`, or fail naming what was waited for.

    Looking takes at most a tenth of the time, which others need for the work.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        began = time.monotonic()
        if true():
            return
        ended = time.monotonic()
        if ended > deadline:
            raise AssertionError(f"waited {timeout_s} s for {what}")
        time.sleep(min(max(0.1, 9 * (ended - began)), 2))
