"""Starts the processes that serve, starts again what ends, and stops them all."""

import gc
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from socket import socket

from screening.domain.backoff import BACKOFFS, Retried
from screening.errors import ScreeningError, StartupError
from screening.logs import get_logger
from screening.receive.connections.places import PlacesOf, SharedPlaces
from screening.receive.processes.accepting import Accepting, ConnectionLimits
from screening.receive.processes.link import Link
from screening.receive.processes.serving import HandedConnections, Share
from screening.spool.store import Spool

ENDED, FAILED, NOT_STARTED = 0, 1, 2
"""How a process ends."""
SOUND_AFTER_S = 60.0
STOP_TIMEOUT_S = 25.0
"""Longer than associations may go on, shorter than the supervisor waits."""
TICK_S = 0.5
log = get_logger()


@dataclass(slots=True)
class _Child:
    pid: int
    token: str
    started_s: float
    ends_in_a_row: int = 0
    restart_at_s: float | None = None
    """When it is started again; None while it runs."""


class Watching:
    """The processes of one port."""

    def __init__(
        self,
        serve: Callable[[Share], None],
        listening: socket,
        limits: ConnectionLimits,
        places: SharedPlaces,
        spool: Spool,
    ) -> None:
        """serve: runs in each process until it is told to stop, by SIGTERM."""
        self._serve = serve
        self._listens_on = listening.getsockname()
        self._places = places
        self._spool = spool
        self._accepting = Accepting(listening, limits, places.taken)
        self._children: dict[int, _Child] = {}
        self._stopped = False

    def run(self, processes: int) -> None:
        """Serve with so many processes until SIGTERM or SIGINT.

        Raises StartupError where one cannot start as configured.
        """
        gc.collect()
        gc.freeze()  # what is loaded so far stays shared between the processes
        with self._signals_heard():
            try:
                for process in range(processes):
                    self._start(process)
                while not self._stopped:
                    self._accepting.wait(TICK_S)
                    self._look_after_all()
            finally:
                self._stop()

    def _start(self, process: int, ends_in_a_row: int = 0) -> None:
        ours, theirs = Link.pair()
        share = Share(
            process,
            HandedConnections(theirs),
            PlacesOf(self._places, process),
            self._listens_on,
            uuid.uuid4().hex,
        )
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._become(share)
        theirs.close()
        self._children[process] = _Child(pid, share.token, time.monotonic(), ends_in_a_row)
        self._accepting.begin(process, ours)

    def _become(self, share: Share) -> None:
        """Be a process that serves; never returns."""
        status = FAILED
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self._accepting.close()
            self._serve(share)
            status = ENDED
        except StartupError as error:
            status = NOT_STARTED
            log.critical("station_not_started", reason=str(error))
        except ScreeningError as error:
            log.critical("station_failed", reason=str(error))
        except BaseException:
            log.critical("uncaught_error", exc_info=True)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _look_after_all(self) -> None:
        for process, child in list(self._children.items()):
            if child.restart_at_s is None:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
                if pid:
                    self._ended(process, child, os.waitstatus_to_exitcode(status))
            elif time.monotonic() >= child.restart_at_s:
                self._start(process, child.ends_in_a_row)

    def _ended(self, process: int, child: _Child, status: int) -> None:
        """Free what an ended process had, and set when it is started again."""
        self._accepting.end(process)
        self._places.clear(process)
        self._spool.remove_incoming(child.token)
        if status == NOT_STARTED:
            del self._children[process]
            raise StartupError("the Storage SCP cannot start; its last line says why")
        now_s = time.monotonic()
        if now_s - child.started_s > SOUND_AFTER_S:
            child.ends_in_a_row = 0
        child.ends_in_a_row += 1
        child.restart_at_s = now_s + BACKOFFS[Retried.STATION].wait_s(child.ends_in_a_row)
        log.error("scp_process_ended", process=process, status=status)

    def _stop(self) -> None:
        """Accept nothing more, let associations finish, and kill what does not end."""
        running = {p: c for p, c in self._children.items() if c.restart_at_s is None}
        for child in running.values():
            os.kill(child.pid, signal.SIGTERM)
        self._accepting.close()
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        while running:
            for process, child in list(running.items()):
                if os.waitpid(child.pid, os.WNOHANG)[0]:
                    del running[process]
                elif time.monotonic() > deadline_s:
                    os.kill(child.pid, signal.SIGKILL)
            time.sleep(0.05)

    @contextmanager
    def _signals_heard(self) -> Iterator[None]:
        """Have signals end `wait` at once."""
        heard, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._accepting.also_wait_for(heard, partial(_drain, heard))
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(heard)
            os.close(told)

    def _told_to_stop(self, *_: object) -> None:
        self._stopped = True


def _drain(descriptor: int) -> None:
    """Forget that signals have come: their handlers have run."""
    os.read(descriptor, 4096)
