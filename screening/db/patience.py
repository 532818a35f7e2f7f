"""Write what is finished although the database is away for a while."""

import itertools
import time
from collections.abc import Callable

from screening.domain.backoff import BACKOFFS, Retried
from screening.errors import DatabaseUnavailableError
from screening.logs import get_logger

PATIENCE_S = 60.0
"""A restart, a cut connection or a failover is over by then."""
log = get_logger()


def written_with_patience(write: Callable[[], None], *, patience_s: float = PATIENCE_S) -> None:
    """Run a transaction, and again while the database does not take it.

    For the result of work that was done: to do it again would cost an attempt. `write` must do no
    harm where an earlier try was committed and only its answer was lost.
    Raises DatabaseUnavailableError where the database stays away for `patience_s` seconds.
    """
    deadline = time.monotonic() + patience_s
    for failures in itertools.count(1):
        try:
            write()
        except DatabaseUnavailableError as error:
            pause_s = BACKOFFS[Retried.WRITE].wait_s(failures)
            if time.monotonic() + pause_s > deadline:
                raise
            log.warning("write_postponed", reason=str(error))
            time.sleep(pause_s)
        else:
            return
