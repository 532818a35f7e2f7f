"""Row 11: how long until help is there, the SCP answers, and the worker takes work.

Each start is a new interpreter. The worker's peer is another one that imports TensorFlow and reads
the bytes of the same weights: what no worker on TensorFlow can do without.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from screening.bundles.registry import Bundle
from tests.benchmarks.parts.scps import listens
from tests.benchmarks.parts.sites import POLL_S, bundle_of, scoring_site, wait_for_event
from tests.benchmarks.run import Run
from tests.sites.site import Site, wait_until

IMPORT_TENSORFLOW = "import tensorflow\n"
READ_WEIGHTS = (
    "import sys, pathlib\nprint(sum(len(pathlib.Path(name).read_bytes()) for name in sys.argv[1:]))"
)
OURS, TENSORFLOW = "screening", "import tensorflow + reading the weights"


def measure(run: Run) -> None:
    """Start each several times; worker and peer in shuffled rounds."""
    rounds = run.size("rounds", full=7, short=1)
    run.add("screening --help", "s", [_help_s(run) for _ in range(rounds)])
    with scoring_site(run, "scp") as site:
        run.add("SCP ready", "s", [_scp_ready_s(run, site) for _ in range(rounds)])
    bundle = bundle_of(run)
    weights = [
        bundle.directory / file.file for one in bundle.manifest.members for file in one.weights
    ]
    with scoring_site(run, "worker") as site:
        run.compare(
            "worker ready",
            "s",
            {
                OURS: lambda: _worker_ready_s(run, site, bundle),
                TENSORFLOW: lambda: _tensorflow_s(run, weights, site.environment),
            },
            run.size("worker rounds", full=3, short=1),
        )


def _help_s(run: Run) -> float:
    started = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "screening", "--help"], capture_output=True, text=True, check=False
    )
    taken_s = time.perf_counter() - started
    run.expect("help ends with status 0 and lists the commands", (0, True),
               (ended.returncode, "worklist" in ended.stdout))  # fmt: skip
    return taken_s


def _scp_ready_s(run: Run, site: Site) -> float:
    port = int(site.variables["SCREENING_SCP_PORT"])
    started = time.perf_counter()
    site.start("receive")
    while not listens(port) and time.perf_counter() < started + 60:
        time.sleep(POLL_S)
    taken_s = time.perf_counter() - started
    site.wait_for_scp()
    run.expect("the SCP answers C-ECHO", None, site.processes["receive"].poll())
    site.stop()
    wait_until(lambda: not listens(port), "the port to be free")
    return taken_s


def _worker_ready_s(run: Run, site: Site, bundle: Bundle) -> float:
    (site.folder / "classify.log").unlink(missing_ok=True)
    started = time.perf_counter()
    site.start("classify")
    wait_for_event(site, "classify", "ensemble_loaded")
    taken_s = time.perf_counter() - started
    run.expect("the worker loaded the bundle, and its golden scores came out right", True,
               bundle.manifest.name in site.log("classify"))  # fmt: skip
    site.kill("classify")
    return taken_s


def _tensorflow_s(run: Run, weights: list[Path], environment: Mapping[str, str]) -> float:
    code = READ_WEIGHTS if run.is_short else IMPORT_TENSORFLOW + READ_WEIGHTS
    started = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, weights)],
        env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    taken_s = time.perf_counter() - started
    expected = sum(path.stat().st_size for path in weights)
    run.expect("the peer read every byte of the weights", str(expected), ended.stdout.strip())
    return taken_s
