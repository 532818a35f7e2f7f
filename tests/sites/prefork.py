"""Processes of `screening` that begin where the libraries are loaded already.

Loading SQLAlchemy, pydicom, pynetdicom and TensorFlow takes seconds of processor time, and the
tests start hundreds of processes. Here one process for each environment loads them once and forks
for each command. A command still has a process of its own: its memory, threads, signals,
environment, folder and output are nobody else's. Beside the real networks it knows thin ones
(`tests.bundles.thin_networks`). `screening up` and the load tests start their stations as ever, so
that starting from nothing stays tested.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from screening.settings import PREFIX, choose_runtime

ROOT = Path(__file__).parents[2]
LOAD_TENSORFLOW = {"networks", "ensemble", "classify"}
"""Packages of `screening` that load it; the commands below run what is in them."""
OTHER_RUNTIME = "screening.networks.openvino_"
"""Modules that need Keras on OpenVINO: one process has one runtime."""
COMMANDS_WITH_TENSORFLOW = (["run", "classify"], ["bundles"], ["score"])
NOT_ITS_OWN = (PREFIX, "TF_", "TF2_", "KERAS_")
"""Variables that make no other environment: settings, and what loading TensorFlow sets."""
MOST_LOADED = 4
"""Each holds some hundred MB."""
LARGEST_REQUEST_BYTES = 1 << 20
LOST = -signal.SIGKILL
"""How a process ended that was forked by one that is gone."""


class Forked:
    """A process of `screening`; its methods are those of `subprocess.Popen`."""

    def __init__(self, pid: int, ends: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ends = ends
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return how it ended; TimeoutExpired where that takes longer."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout_s: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._ends], [], [], timeout_s)[0]:
                said = self._ends.recv(16)
                self.returncode = int(said) if said else LOST
                self._ends.close()
            return self.returncode


class Loaded:
    """A process that has the libraries of `screening` loaded, and forks for each command."""

    def __init__(self, environment: Mapping[str, str], *, tensorflow: bool) -> None:
        self._lock = threading.Lock()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  as long as the process
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.sites.prefork", str(theirs.fileno())]
        self._process = subprocess.Popen(
            [*command, "tensorflow"] if tensorflow else command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def start(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        out: IO[bytes],
        err: IO[bytes],
    ) -> Forked:
        """Start `screening ARGUMENTS` in a folder."""
        asked = json.dumps([list(arguments), dict(environment), str(folder)]).encode()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._lock:
            socket.send_fds(self._channel, [asked], [out.fileno(), err.fileno(), theirs.fileno()])
            pid = self._channel.recv(16)
        if not pid:
            self._said.seek(0)
            raise RuntimeError(f"no process: {self._said.read().decode()[-2000:]}")
        return Forked(int(pid), ours)

    def close(self) -> None:
        """Start nothing more; it ends after the last process that it started."""
        self._channel.close()

    def wait(self) -> None:
        """Wait for its end."""
        self._process.wait()
        self._said.close()


_loaded: dict[tuple[object, ...], Loaded] = {}
_closed: list[Loaded] = []
_lock = threading.Lock()


def start(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    out: IO[bytes],
    err: IO[bytes],
) -> Forked:
    """Start `screening ARGUMENTS` in a folder, where what such an environment loads is loaded."""
    tensorflow = any(list(arguments[: len(one)]) == one for one in COMMANDS_WITH_TENSORFLOW)
    around = {
        name: value for name, value in environment.items() if not name.startswith(NOT_ITS_OWN)
    }
    around.pop("PYTEST_CURRENT_TEST", None)
    with _lock:
        key = (tensorflow, *sorted(around.items()))
        loaded = _loaded.pop(key, None) or Loaded(around, tensorflow=tensorflow)
        _loaded[key] = loaded  # the last, as the one used most recently
        if len(_loaded) > MOST_LOADED:
            _close(next(iter(_loaded)))
    return loaded.start(arguments, environment=environment, folder=folder, out=out, err=err)


def run(
    arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run `screening ARGUMENTS` to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(arguments, environment=environment, folder=folder, out=out, err=err)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(["screening", *arguments], code, *texts)


@atexit.register
def close() -> None:
    """End whatever has libraries loaded."""
    for key in list(_loaded):
        _close(key)
    while _closed:
        _closed.pop().wait()


def _close(key: tuple[object, ...]) -> None:
    _closed.append(_loaded.pop(key))
    _closed[-1].close()


def load(*, tensorflow: bool) -> None:
    """Import what commands import when they run."""
    import screening

    choose_runtime()
    for package in pkgutil.iter_modules(screening.__path__):
        if package.ispkg and (tensorflow or package.name not in LOAD_TENSORFLOW):
            path = [str(Path(screening.__path__[0]) / package.name)]
            for module in pkgutil.walk_packages(path, f"screening.{package.name}."):
                if not module.name.startswith(OTHER_RUNTIME):
                    importlib.import_module(module.name)
    if ("tensorflow" in sys.modules) != tensorflow:
        raise RuntimeError(f"LOAD_TENSORFLOW is wrong: {tensorflow} expected")
    if tensorflow:
        from tests.bundles.thin_networks import add_thin_networks

        add_thin_networks()


def serve(channel: socket.socket) -> tuple[list[str], dict[str, str], str]:
    """Fork for each request; return it in the new process, and end this one after the last."""
    running: dict[int, socket.socket] = {}
    wake, ring = socket.socketpair()
    wake.setblocking(False)
    ring.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ring.fileno())
    channels = [channel]
    while channels or running:
        ready = select.select([*channels, wake], [], [])[0]
        if wake in ready:
            wake.recv(4096)
            _tell_ends(running)
        if channel not in ready:
            continue
        asked, descriptors, *_ = socket.recv_fds(channel, LARGEST_REQUEST_BYTES, 3)
        if not asked:
            channels.clear()
            continue
        end = socket.socket(fileno=descriptors[2])
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number, descriptor in enumerate(descriptors[:2], 1):
                os.dup2(descriptor, number)
                os.close(descriptor)
            for inherited in (channel, wake, ring, end, *running.values()):
                inherited.close()
            arguments, environment, folder = json.loads(asked)
            return arguments, environment, folder
        for descriptor in descriptors[:2]:
            os.close(descriptor)
        running[pid] = end
        channel.send(str(pid).encode())
    sys.exit()


def _tell_ends(running: dict[int, socket.socket]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with running.pop(pid) as end, contextlib.suppress(BrokenPipeError):
                end.send(str(os.waitstatus_to_exitcode(status)).encode())


def main() -> None:
    """Load, and be each command: `python -m tests.sites.prefork CHANNEL [tensorflow]`."""
    load(tensorflow=sys.argv[2:] == ["tensorflow"])
    gc.freeze()
    arguments, environment, folder = serve(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv[1:] = arguments
    runpy.run_module("screening", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
