"""Keep a claim's lease alive while the work goes on, but not for ever."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from screening.classify.claim import Claim, renew
from screening.db.session import Database
from screening.errors import TransientError
from screening.logs import get_logger

LONGEST_BATCH_S = 600
"""A batch that takes longer is taken for hung: its lease runs out."""
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
