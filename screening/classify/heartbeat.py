"""Keep a claim's lease alive while the work goes on, but not for ever."""

import faulthandler
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from screening.classify.claim import Claim, renew
from screening.db.session import Database
from screening.errors import TransientError
from screening.logs import get_logger

LONGEST_BATCH_S = 600
"""A batch that takes longer is taken for hung: its lease runs out, and its worker ends."""
STANDARD_ERROR = 2
"""The descriptor, which stays whatever Python's own stream has become."""
log = get_logger()


@contextmanager
def heartbeat(database: Database, held: Claim, *, lease_s: float) -> Iterator[None]:
    """Renew the lease every third of `lease_s` seconds inside the block."""
    finished = threading.Event()
    deadline = time.monotonic() + LONGEST_BATCH_S

    def beat() -> None:
        while not finished.wait(lease_s / 3) and time.monotonic() < deadline:
            try:
                renew(database, held, lease_s=lease_s)
            except TransientError as error:
                log.warning("lease_not_renewed", reason=str(error))

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


@contextmanager
def ended_where_hung() -> Iterator[None]:
    """End the process with status 1 where the block takes longer than a batch may.

    faulthandler's watchdog needs no interpreter, so that a decoder that never comes back cannot
    keep it from that; it writes to standard error where each thread was, and no values. Whoever
    supervises starts the worker again, and the batch's pictures are then tried one by one.
    """
    faulthandler.dump_traceback_later(LONGEST_BATCH_S, exit=True, file=STANDARD_ERROR)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
