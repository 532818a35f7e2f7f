"""Ring a queue's doorbell without ever holding up the caller.

A ring that nobody has answered yet is enough: whoever answers it looks for work after it, and finds
what is there by then. Rings must not pile up in the broker while the workers have more to do than
they can.
"""

import threading

from celery import Celery
from kombu import Connection

from screening.doorbell.broker_state import Outage, of_this_process, require_writes
from screening.doorbell.names import TASK_OF_QUEUE, Queue

REST_S = 0.1
"""Rings closer together than this become one."""
JOIN_TIMEOUT_S = 5


def ring_once(app: Celery, queue: Queue, outage: Outage = of_this_process) -> bool:
    """See to it that a message waits; return whether the broker has it.

    The sweep rings again if not. Why it has not, `outage` says.
    """
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=5)
            require_writes(connection)
            if not _is_ringing(connection, queue):
                app.send_task(TASK_OF_QUEUE[queue], connection=connection, retry=False)
    except Exception as error:  # noqa: BLE001  any broker's any error: the rows are safe
        outage.began(error)
        return False
    outage.ended()
    return True


def _is_ringing(connection: Connection, queue: Queue) -> bool:
    """Return whether a message waits that no worker has taken."""
    waiting: int = connection.default_channel.queue_declare(queue.value, durable=True).message_count
    return waiting > 0


class Doorbell:
    """Rings from a thread of its own: a slow or absent broker never delays the one who rings."""

    def __init__(self, app: Celery, queue: Queue) -> None:
        self._app = app
        self._queue = queue
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self.reaches_broker = True
        """Whether the broker has the last ring."""
        self._thread = threading.Thread(target=self._run, name=f"doorbell-{queue}", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """Ask for one ring; returns at once."""
        self._wanted.set()

    def close(self) -> None:
        """Deliver a ring that is still wanted and stop."""
        self._stopped.set()
        self._wanted.set()
        self._thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wanted.wait()
            self._wanted.clear()
            self.reaches_broker = ring_once(self._app, self._queue)
            self._stopped.wait(REST_S)
