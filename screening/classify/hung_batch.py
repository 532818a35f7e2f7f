"""End a worker whose batch hangs."""

import faulthandler
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_BATCH_S = 600
"""A batch that takes longer to examine, or to score, is taken for hung: its lease runs out, and its
worker ends."""
LONGEST_CLAIM_S = 3 * LONGEST_BATCH_S
"""How long a claim's lease is renewed: to examine, to wait while another batch is scored, and to
score."""
STANDARD_ERROR = 2
"""The descriptor, which stays whatever Python's own stream has become."""
_LEAST_S = 0.001

_ends: list[float] = []
"""When each block under way has taken too long, of `time.monotonic`."""
_changing = threading.Lock()


@contextmanager
def ended_where_hung() -> Iterator[None]:
    """End the process with status 1 where the block takes longer than a batch may.

    Several threads may be in such blocks; faulthandler has one watchdog, which waits for whichever
    ends first. It needs no interpreter, so that a decoder that never comes back cannot keep it from
    that; it writes to standard error where each thread was, and no values. Whoever supervises
    starts the worker again, and the batch's pictures are then tried one by one.
    """
    end = time.monotonic() + LONGEST_BATCH_S
    with _changing:
        _ends.append(end)
        _watch()
    try:
        yield
    finally:
        with _changing:
            _ends.remove(end)
            _watch()


def _watch() -> None:
    if _ends:
        left_s = max(min(_ends) - time.monotonic(), _LEAST_S)
        faulthandler.dump_traceback_later(left_s, exit=True, file=STANDARD_ERROR)
    else:
        faulthandler.cancel_dump_traceback_later()
