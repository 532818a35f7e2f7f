"""How a station loads its modules."""

import subprocess
import sys

from tests.architecture.test_modules import ROOT

PROBE = """
import gc, sys
from screening.cli.running.loading import loading
frozen = gc.get_freeze_count()
try:
    with loading():
        assert not gc.isenabled()
        raise ImportError
except ImportError:
    pass
assert gc.isenabled()
assert gc.get_freeze_count() > frozen
from screening.cli.running import stations
from screening.receive import scp
assert "redis" not in sys.modules, "a station without Redis loads its client"
"""


def test_a_station_loads_without_collection_and_without_what_it_does_not_use() -> None:
    """The collector is back afterwards, also after an error, and leaves out what was loaded."""
    ended = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
