"""Give a station a clock of the test's own; Python loads this before anything else.

Where it is told to, it adds the thin networks too: of such files Python loads only one.
Nobody may set the clock of the machine that tests run on. What the rows are dated by, and what
Celery and the spool ask, is moved by as many seconds as a file says, whenever it changes.
"""

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER_VARIABLE = "FAULTS_CLOCKS"
THIN_VARIABLE = "FAULTS_THIN_NETWORKS"
_time = time.time


def offset_s() -> float:
    """Return how far this station's clock is off now."""
    try:
        return float(_FILE.read_text(encoding="ascii") or 0)
    except OSError:
        return 0.0


def shifted_time() -> float:
    """Stand in for time.time."""
    return _time() + offset_s()


def shifted_utc_now() -> datetime:
    """Stand in for the clock of the rows."""
    return datetime.now(UTC) + timedelta(seconds=offset_s())


if FOLDER_VARIABLE in os.environ:
    from screening.db import clock

    _FILE = Path(os.environ[FOLDER_VARIABLE]) / "offset_s"
    clock.utc_now = shifted_utc_now
    time.time = shifted_time

if THIN_VARIABLE in os.environ:
    from tests.bundles.thin_hook import know_thin_networks

    sys.addaudithook(know_thin_networks)
