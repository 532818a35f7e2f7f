"""Run a station as a Celery worker, with a sweep that rings for forgotten work.

The sweep also judges life by answers, not by a running process: a worker that lets several rings
pass while work is due, or after the broker was away, ends itself, so that its supervisor starts a
fresh one. A ring that the broker did not take is none: while the broker is away a fresh process
would hear no more. With nothing due, rings that pass mean nothing otherwise: another worker of the
same queue may have taken them.
"""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready

from screening.doorbell.celery_worker import PatientConsumer, StationWorker
from screening.doorbell.names import TASK_OF_QUEUE, Queue
from screening.doorbell.ring import Doorbell
from screening.errors import TransientError
from screening.logs import get_logger

UNANSWERED_RINGS = 12
RING_AGAIN_S = 3.0
"""Seconds until the next ring, at most, while one is unanswered. Twelve are more than the 30 s that
Celery may wait before it looks for a broker that is back."""
EXIT_DEAF = 75
"""Exit status of a worker that hears no doorbell (EX_TEMPFAIL)."""
log = get_logger()


class Station:
    """One queue's work: `work` does what is due, `due` tells whether anything is."""

    def __init__(
        self,
        *,
        app: Celery,
        queue: Queue,
        work: Callable[[], None],
        due: Callable[[], bool],
        sweep_interval_s: float,
    ) -> None:
        self._app = app
        self._queue = queue
        self._work = work
        self._due = due
        self._interval_s = sweep_interval_s
        self._doorbell = Doorbell(app, queue)
        self._stopped = threading.Event()
        self._answered = threading.Event()
        self._working = threading.Lock()

    def ring(self) -> None:
        """Ring this station's own doorbell."""
        self._doorbell.ring()

    def run(self, *, name: str) -> None:
        """Consume until stopped by SIGTERM or SIGINT; work under way is finished first.

        A broker that is away, or takes no messages, is waited for. Raises SystemExit with
        `EXIT_DEAF` where Celery gives up for another reason.
        """
        sweep = threading.Thread(target=self._sweep, name=f"sweep-{self._queue}", daemon=True)

        def start_sweep(**_: Any) -> None:
            log.info("worker_ready", queue=self._queue.value)
            sweep.start()

        setup_logging.connect(_leave_logs_as_they_are, weak=False)
        worker_ready.connect(start_sweep, weak=False)
        worker = self._celery_worker(name)
        try:
            worker.start()
        finally:
            worker_ready.disconnect(start_sweep)
            self._stopped.set()
            self._doorbell.close()
        if not worker.was_told_to_stop:
            log.critical("worker_ended", queue=self._queue.value)
            sys.exit(EXIT_DEAF)

    def _celery_worker(self, name: str) -> StationWorker:
        def task() -> None:
            self._answer()

        self._app.task(name=TASK_OF_QUEUE[self._queue], ignore_result=True)(task)
        return StationWorker(
            app=self._app,
            consumer_cls=PatientConsumer,
            hostname=f"{name}@%h",
            queues=[self._queue.value],
            pool="solo",  # in this process, one message at a time
            concurrency=1,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )

    def _answer(self) -> None:
        self._answered.set()
        try:
            with self._working:
                self._work()
        except TransientError as error:
            log.warning("work_postponed", queue=self._queue.value, reason=str(error))
        except Exception:
            log.exception("work_failed", queue=self._queue.value)
        finally:
            self._answered.set()

    def _sweep(self) -> None:
        unanswered = 0
        broker_was_away = False
        while not self._stopped.is_set():
            is_answer_owed = self._something_is_due() or broker_was_away
            if self._has_answered():
                unanswered, broker_was_away = 0, False
            elif self._doorbell.reaches_broker:
                unanswered = unanswered + 1 if is_answer_owed else 0
            if not self._doorbell.reaches_broker:
                broker_was_away = True
            if unanswered >= UNANSWERED_RINGS:
                log.critical("worker_deaf", queue=self._queue.value, rings=unanswered)
                os._exit(EXIT_DEAF)
            self._doorbell.ring()
            self._stopped.wait(
                min(self._interval_s, RING_AGAIN_S) if unanswered else self._interval_s
            )

    def _has_answered(self) -> bool:
        """Return whether a ring was answered since the last look, or its work is under way."""
        has_answered = self._answered.is_set() or self._working.locked()
        self._answered.clear()
        return has_answered

    def _something_is_due(self) -> bool:
        try:
            return self._due()
        except TransientError as error:
            log.warning("sweep_failed", queue=self._queue.value, reason=str(error))
            return False
        except Exception:
            log.exception("sweep_failed", queue=self._queue.value)
            return False


def _leave_logs_as_they_are(**_: Any) -> None:
    """Keep Celery from setting the level of every log of this process to its own."""
