"""Row 5: one image at a time on an idle system, from Success to the report at a destination.

One run of the same ensemble is timed in a process of its own, before and after.
"""

import time
from pathlib import Path

from tests.benchmarks.figures import percentile
from tests.benchmarks.parts.ensembles import golden_batch, images_a_second, loaded_ensemble
from tests.benchmarks.parts.objects import computed_radiograph, write_objects
from tests.benchmarks.parts.pipelines import Pipeline, running_pipeline
from tests.benchmarks.run import Run

REST_S = 0.3
"""Between two images, so that the system is idle again."""
TIMEOUT_S = 120


def measure(run: Run) -> None:
    """Send one image after another."""
    side = run.size("side", full=2048, short=512)
    count = run.size("images", full=60, short=2)
    ensemble = loaded_ensemble(run)
    batch = golden_batch(ensemble, 1)
    ensemble.infer(batch)
    with running_pipeline(run, "site") as pipeline:
        folder = run.room("to send")
        uids = write_objects(folder, computed_radiograph(side, side), count + 1)
        alone_s = [1 / images_a_second(ensemble, batch) for _ in range(5)]
        _one(pipeline, folder / f"{uids[0]}.dcm", 1)  # the first batch of a worker is slower
        taken_s = []
        for number, uid in enumerate(uids[1:], 2):
            time.sleep(REST_S)
            taken_s.append(_one(pipeline, folder / f"{uid}.dcm", number))
        alone_s += [1 / images_a_second(ensemble, batch) for _ in range(5)]
        arrivals = pipeline.destination.arrivals
        run.expect("one report of each image", uids, [one.image_uid for one in arrivals])
    run.add("Success to report", "s", taken_s)
    alone = run.add("one ensemble run", "s", alone_s)
    p95_s = run.add("Success to report, 95th percentile", "s", percentile(taken_s, 95))
    run.add("95th percentile beyond one ensemble run", "s", p95_s.median - alone.median)


def _one(pipeline: Pipeline, path: Path, number: int) -> float:

    success = pipeline.send(path)
    return pipeline.wait_for_reports(number, TIMEOUT_S) - success
