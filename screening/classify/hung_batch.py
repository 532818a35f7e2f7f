"""End a worker whose batch hangs."""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_BATCH_S = 600
"""A batch that takes longer is taken for hung: its lease runs out, and its worker ends."""
STANDARD_ERROR = 2
"""The descriptor, which stays whatever Python's own stream has become."""


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
