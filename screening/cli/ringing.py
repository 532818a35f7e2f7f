"""Ring for the workers after a command has given them work."""

import sys

from screening.queue.app import make_celery_app
from screening.queue.broker_state import Outage
from screening.queue.doorbell import ring_once
from screening.queue.names import Queue
from screening.settings import Settings


def ring(settings: Settings, queue: Queue) -> None:
    """Ring, or tell whoever typed the command that the work waits for the broker."""
    ring_once(make_celery_app(settings), queue, Outage(_tell))


def _tell(reason: str | None) -> None:
    print(f"screening: the work waits, as {reason}", file=sys.stderr)
