"""Ring for the workers, and tell whoever typed a command where the broker takes no message."""

import sys
import time

from screening.doorbell.app import make_celery_app
from screening.doorbell.broker_state import Outage
from screening.doorbell.names import Queue
from screening.doorbell.ring import ring_once
from screening.settings import Settings

LOOK_EVERY_S = 10.0


def ring(settings: Settings, queue: Queue) -> None:
    """Ring once, after a command has given the workers work."""
    ring_once(make_celery_app(settings), queue, Outage(_tell))


class BrokerWatch:
    """Tells while `screening up` runs that the broker takes no messages, once, and when it does."""

    def __init__(self, settings: Settings) -> None:
        self._app = make_celery_app(settings)
        self._outage = Outage(_tell)
        self._next_look_s = time.monotonic()

    def look(self) -> None:
        """Ring where the last look was long ago; a broker that is away takes a few seconds."""
        if time.monotonic() >= self._next_look_s:
            ring_once(self._app, Queue.CLASSIFY, self._outage)
            self._next_look_s = time.monotonic() + LOOK_EVERY_S


def _tell(reason: str | None) -> None:
    said = f"the work waits: {reason}" if reason else "the broker takes messages again"
    print(f"screening: {said}", file=sys.stderr, flush=True)
