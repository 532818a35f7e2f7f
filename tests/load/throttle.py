"""A worker that is held to a tenth of what comes in, whatever the machine can do."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from tests.faults.stations import KeptStations

TIMES_TOO_MUCH = 10
RUN_AHEAD_S, RUN_BEHIND_S = 0.02, 0.2
"""One that has done its tenth still runs now and then, as a slow one would: leases live."""
STOPPED_S = 0.3


@contextlib.contextmanager
def throttled(
    stations: KeptStations, name: str, taken: Callable[[], int], done: Callable[[], int]
) -> Iterator[None]:
    """Stop and continue a worker so that it does about a tenth of what is taken in.

    taken, done: how much so far, cheap to ask. At the end of the block it runs freely again.
    """
    ended = threading.Event()

    def hold_back() -> None:
        while not ended.is_set():
            is_ahead = done() * TIMES_TOO_MUCH >= taken()
            stations.signal(signal.SIGCONT, name)
            ended.wait(RUN_AHEAD_S if is_ahead else RUN_BEHIND_S)
            stations.signal(signal.SIGSTOP, name)
            ended.wait(STOPPED_S)

    thread = threading.Thread(target=hold_back, name="throttle", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        stations.signal(signal.SIGCONT, name)
