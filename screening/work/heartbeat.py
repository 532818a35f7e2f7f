"""Keep a claim's lease alive while the work goes on, but not for ever."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from screening.db.clock import shared_now
from screening.db.session import Database
from screening.errors import TransientError
from screening.logs import get_logger
from screening.work.work_queue import WorkQueue

log = get_logger()


@contextmanager
def heartbeat(
    database: Database, queue: WorkQueue[Any], token: str, *, lease_s: float, longest_s: float
) -> Iterator[None]:
    """Renew the lease every third of `lease_s` seconds inside the block, for `longest_s` at most.

    Work that takes longer is taken for hung: its lease runs out.
    """
    finished = threading.Event()
    deadline = time.monotonic() + longest_s

    def beat() -> None:
        while not finished.wait(lease_s / 3) and time.monotonic() < deadline:
            try:
                renew(database, queue, token, lease_s=lease_s)
            except TransientError as error:
                log.warning("lease_not_renewed", reason=str(error))

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def renew(database: Database, queue: WorkQueue[Any], token: str, *, lease_s: float) -> None:
    """Show that the worker lives: the lease runs `lease_s` seconds from now.

    Raises DatabaseUnavailableError.
    """
    with database.write() as session:
        queue.renew(session, token, ends_at=shared_now(session) + timedelta(seconds=lease_s))
