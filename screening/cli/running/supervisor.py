"""Start the stations as processes, start again what ends, stop all in order."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from screening.cli.exit_statuses import NOT_STARTED
from screening.domain.backoff import BACKOFFS, Retried
from screening.errors import StartupError
from screening.settings import Settings, child_environment

STATIONS = ("classify", "report", "web", "receive")
"""Started in this order, stopped in the opposite one: intake first."""
STOW_STATION = "stow"
"""One more, where the settings name its port."""
SOUND_AFTER_S = 60.0
"""A process that ran this long has started well: its successor waits for the shortest time."""
STOP_TIMEOUT_S = 30.0
ENDS_AT_START = 3


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    started: float
    ends: int = 0
    ends_in_a_row: int = 0
    restart_at: float | None = None


class Supervisor:
    """Keeps one process a station running; their logs go to <data dir>/logs/<station>.log."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._logs = settings.data_dir / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        stations = STATIONS if settings.stow_port is None else (*STATIONS, STOW_STATION)
        self._children = {station: self._start(station) for station in stations}
        self._stopped = threading.Event()
        self._failure: StartupError | None = None
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise StartupError where a station cannot start as configured."""
        if self._failure is not None:
            raise self._failure

    def check_start(self) -> None:
        """Raise StartupError also where a station keeps ending, as no start should."""
        self.check()
        for station, child in self._children.items():
            if child.ends >= ENDS_AT_START:
                raise StartupError(
                    f"station {station} ended {child.ends} times: {self._last_line(station)} "
                    f"(more in {self._log_of(station)})"
                )

    def stop(self) -> None:
        """Ask each process to finish, intake first; kill what does not."""
        self._stopped.set()
        self._thread.join()
        for child in reversed(self._children.values()):
            child.process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child in self._children.values():
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            if child.process.stdin is not None:
                child.process.stdin.close()

    def _start(self, station: str) -> _Child:
        with self._log_of(station).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "screening", "run", station, "--supervised"],
                stdin=subprocess.PIPE,  # closes with this process, however it ends
                stdout=log,
                stderr=log,
                env=child_environment(self._settings),
                start_new_session=True,  # Ctrl-C reaches this process alone, which stops them
            )
        return _Child(process, time.monotonic())

    def _watch(self) -> None:
        while not self._stopped.wait(0.2):
            for station, child in self._children.items():
                self._look_after(station, child)

    def _look_after(self, station: str, child: _Child) -> None:
        status = child.process.poll()
        if status is None:
            return
        if status == NOT_STARTED:
            self._failure = StartupError(
                f"station {station} did not start: {self._last_line(station)}"
            )
            return
        now = time.monotonic()
        if child.restart_at is None:
            if now - child.started > SOUND_AFTER_S:
                child.ends_in_a_row = 0
            child.ends += 1
            child.ends_in_a_row += 1
            child.restart_at = now + BACKOFFS[Retried.STATION].wait_s(child.ends_in_a_row)
            print(f"station {station} ended with {status}; starting it again", file=sys.stderr)
        elif now >= child.restart_at:
            again = self._start(station)
            again.ends, again.ends_in_a_row = child.ends, child.ends_in_a_row
            self._children[station] = again

    def _log_of(self, station: str) -> Path:
        return self._logs / f"{station}.log"

    def _last_line(self, station: str) -> str:
        lines = self._log_of(station).read_text(encoding="utf-8", errors="replace").splitlines()
        return _in_words(lines[-1]) if lines else "see its log"


def _in_words(line: str) -> str:
    """Return what a line of a station's log says: an event's reason where it gives one."""
    try:
        event = json.loads(line)
        return str(event.get("reason") or event["event"])
    except (ValueError, KeyError, AttributeError):
        return line
