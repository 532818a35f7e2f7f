"""Row 12: what each station holds in memory, at rest and while images come.

The images are too small to be screened, so that thousands go all the way in a minute; what a worker
holds while it scores is in row 4. `make test-load` looks for leaks over 10,000 pieces of each kind
of work.
"""

import os
import subprocess

from screening.domain.lifecycle import ClassificationState
from tests.benchmarks.parts.objects import computed_radiograph, write_objects
from tests.benchmarks.parts.pipelines import STATIONS, Pipeline, running_pipeline
from tests.benchmarks.parts.processes import memory_mb
from tests.benchmarks.run import Run, program
from tests.load.memory import growth
from tests.sites.site import wait_until

SIDE_PIXELS = 32
SHARES = 20
PATIENCE_S = 240


def measure(run: Run) -> None:
    """Send small images share by share, and look at every station after each."""
    count = run.size("images", full=3000, short=60)
    share = max(1, count // SHARES)
    storescu = program("storescu", "dcmtk")
    with running_pipeline(run, "site") as pipeline:
        for station in STATIONS:
            run.add(f"{station}: memory at rest", "MB", memory_mb(pipeline.pid(station)))
        samples: dict[str, list[tuple[int, float]]] = {station: [] for station in STATIONS}
        done = 0
        for number in range(SHARES):
            done += _send(run, pipeline, storescu, number, share)
            _wait(pipeline, done)
            for station, taken in samples.items():
                taken.append((done, memory_mb(pipeline.pid(station))))
        run.expect("every image ended as not applicable", done, _ended(pipeline))
    for station, taken in samples.items():
        run.add(f"{station}: memory after {done:,} images", "MB", taken[-1][1])
        run.add(f"{station}: growth by 1,000 images", "MB", growth(taken).per_1000)


def _send(run: Run, pipeline: Pipeline, storescu: str, number: int, count: int) -> int:
    folder = run.room(f"share {number}")
    uids = write_objects(folder, computed_radiograph(SIDE_PIXELS, SIDE_PIXELS), count)
    port = pipeline.site.variables["SCREENING_SCP_PORT"]
    command = [storescu, "--scan-directories", "-aec", "SCREENING", "127.0.0.1", port, str(folder)]
    ended = subprocess.run(
        command, env={**os.environ, "TCP_NODELAY": "1"}, capture_output=True, check=False
    )
    run.expect("every storescu ended with status 0", 0, ended.returncode)
    return len(uids)


def _wait(pipeline: Pipeline, count: int) -> None:
    wait_until(lambda: _ended(pipeline) >= count, f"{count} images to be examined", PATIENCE_S)


def _ended(pipeline: Pipeline) -> int:
    return pipeline.count(ClassificationState.NOT_APPLICABLE)
