"""A worker that is held to a tenth of what comes in, whatever the machine can do."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from tests.faults.stations import KeptStations

TIMES_TOO_MUCH = 10
RUN_S, REST_S = 0.2, 0.1
"""While it has done less than its tenth."""
SIGN_OF_LIFE_S, STOPPED_S = 0.03, 5.0
"""While it has done its tenth: its leases stay alive, as those of a slow worker do."""
LOOK_S = 0.2


@contextlib.contextmanager
def throttled(
    stations: KeptStations, name: str, has_done_its_part: Callable[[], bool]
) -> Iterator[None]:
    """Stop and continue a worker; at the end of the block it runs freely again."""
    ended = threading.Event()

    def run_for(time_s: float) -> None:
        stations.signal(signal.SIGCONT, name)
        ended.wait(time_s)
        stations.signal(signal.SIGSTOP, name)

    def hold_back() -> None:
        while not ended.is_set():
            run_for(RUN_S)
            ended.wait(REST_S)
            looks = 0
            while has_done_its_part() and not ended.wait(LOOK_S):
                looks += 1
                if looks % round(STOPPED_S / LOOK_S) == 0:
                    run_for(SIGN_OF_LIFE_S)

    thread = threading.Thread(target=hold_back, name="throttle", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        stations.signal(signal.SIGCONT, name)
