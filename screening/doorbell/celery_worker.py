"""Celery's worker as a station runs it: patient with its broker, and quiet on its output."""

import signal
import time
import warnings

from celery.apps.worker import Worker
from celery.exceptions import CPendingDeprecationWarning
from celery.worker import state
from celery.worker.consumer import Consumer
from kombu import Connection

from screening.doorbell.broker_state import of_this_process, require_writes

ATTEMPT_EVERY_S = 2.0


class PatientConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Waits for a broker that refuses messages as for one that is away.

    Celery's own waits for the one, logging each attempt, and ends at the other.
    """

    def ensure_connected(self, conn: Connection) -> Connection:
        """Return the connection once the broker takes messages; raise where told to stop."""
        while True:
            state.maybe_shutdown()
            try:
                conn.connect()
                require_writes(conn)
            except conn.connection_errors + conn.channel_errors as error:
                of_this_process.began(error)
                time.sleep(ATTEMPT_EVERY_S)
            else:
                of_this_process.ended()
                self.first_connection_attempt = False
                return conn

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Close the connection that was lost."""
        of_this_process.began(exc)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CPendingDeprecationWarning)  # of a setting that is set
            super().on_connection_error_after_connected(exc)


class StationWorker(Worker):  # type: ignore[misc]  # Celery has no types
    """Ends after the work under way at SIGTERM or SIGINT.

    Celery's own handlers write to standard output beside the log, end with another status at
    SIGINT, and start the program again at SIGHUP.
    """

    was_told_to_stop = False

    def install_platform_tweaks(self, worker: object) -> None:
        """Handle the two signals, and no other."""
        del worker
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        del number, frame
        self.was_told_to_stop = True
        state.should_stop = 0
