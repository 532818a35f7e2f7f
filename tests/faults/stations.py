"""Stations that are started again when they end, as a supervisor would, and can be killed."""

import contextlib
import signal
import threading
from collections.abc import Iterator

from tests.sites.site import STOP_TIMEOUT_S, Site, wait_until

LOOK_S = 0.1
PAUSE_S = 0.5
"""Between the end of a process and the start of the next."""


class KeptStations:
    """The stations of a site. Killing, starting and stopping them is for one thread at a time."""

    def __init__(self, site: Site, *names: str) -> None:
        self._site = site
        self._names = list(names)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self.starts = 0
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._thread.start()

    def kill(self, *names: str) -> None:
        """Kill stations with SIGKILL, at once; they are started again by themselves."""
        self.signal(signal.SIGKILL, *names)

    def signal(self, number: signal.Signals, *names: str) -> None:
        """Send a signal to stations that run."""
        with self._lock:
            for name in names:
                process = self._site.processes.get(name)
                if process is not None and process.poll() is None:
                    process.send_signal(number)

    def add(self, name: str) -> None:
        """Have one more process, such as classify-2."""
        with self._lock:
            self._names.append(name)

    def remove(self, name: str) -> None:
        """Stop a process that was added."""
        with self._lock:
            self._names.remove(name)
            process = self._site.processes.pop(name, None)
        if process is not None:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)

    def close(self) -> None:
        """Start nothing again."""
        self._closed.set()
        self._thread.join()

    def wait_until_ready(self, name: str, after: int = 0) -> None:
        """Wait until a worker has said more than `after` times that it is ready."""
        wait_until(lambda: self.times_ready(name) > after, f"{name} to be ready")

    def times_ready(self, name: str) -> int:
        """Return how often a worker has been ready so far."""
        return self._site.log(name).count('"worker_ready"')

    def _keep(self) -> None:
        while not self._closed.wait(LOOK_S):
            with self._lock:
                ended = [name for name in self._names if self._has_ended(name)]
            if ended and not self._closed.wait(PAUSE_S):
                with self._lock:
                    self._start(*(name for name in ended if name in self._names))

    def _has_ended(self, name: str) -> bool:
        process = self._site.processes.get(name)
        return process is None or process.poll() is not None

    def _start(self, *names: str) -> None:
        self.starts += len(names)
        self._site.start(*names)


@contextlib.contextmanager
def kept_stations(site: Site, *names: str) -> Iterator[KeptStations]:
    """Run stations inside the block; the site stops them."""
    stations = KeptStations(site, *names)
    try:
        yield stations
    finally:
        stations.signal(signal.SIGCONT, *names)
        stations.close()
