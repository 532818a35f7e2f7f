"""Row 4: a backlog of large radiographs, from the first C-STORE to the last report.

The ensemble's own rate is measured on the same batch size in another process, before and after; a
worker that prepares and records beside inference comes close to it. Where the time goes is read
from the timings of the rows and from the processor time of the stations.
"""

import subprocess
import time
from collections.abc import Mapping
from functools import partial

from screening.settings import Settings
from tests.benchmarks.figures import number
from tests.benchmarks.parts.ensembles import golden_batch, images_a_second, loaded_ensemble
from tests.benchmarks.parts.objects import computed_radiograph, write_objects
from tests.benchmarks.parts.pipelines import STATIONS, Pipeline, running_pipeline
from tests.benchmarks.parts.processes import memory_mb, processor_s
from tests.benchmarks.run import Run, program

BATCH_SIZE = int(Settings.model_fields["batch_size"].default)
PATIENCE_S = 30
"""For one image, on whatever machine."""
STORESCU = ("--max-pdu", "131072", "--max-send-pdu", "131072", "--scan-directories")


def measure(run: Run) -> None:
    """Send all at once, wait for every report."""
    side = run.size("side", full=2048, short=512)
    count = run.size("images", full=200, short=4)
    storescu = program("storescu", "dcmtk")
    ensemble = loaded_ensemble(run)
    batch = golden_batch(ensemble, BATCH_SIZE)
    own_rate = partial(images_a_second, ensemble, batch)
    own_rate()
    with running_pipeline(run, "site") as pipeline:
        folder = run.room("to send")
        uids = write_objects(folder, computed_radiograph(side, side), count)
        own = [own_rate() for _ in range(run.size("rounds", full=4, short=1))]
        spent = {station: processor_s(pipeline.pid(station)) for station in STATIONS}
        empty = pipeline.database_bytes()
        started = time.perf_counter()
        port = pipeline.site.variables["SCREENING_SCP_PORT"]
        command = [storescu, *STORESCU, "-aec", "SCREENING", "127.0.0.1", port, str(folder)]
        with subprocess.Popen(command, env={"TCP_NODELAY": "1"}) as sender:
            sent = partial(sender.wait, PATIENCE_S * count)
            run.expect("storescu ended with status 0", 0, sent())
        received_s = time.perf_counter() - started
        taken_s = pipeline.wait_for_reports(count, PATIENCE_S * count) - started
        own += [own_rate() for _ in own]
        arrivals = [one.image_uid for one in pipeline.destination.arrivals]
        run.expect("one report of each image", sorted(uids), sorted(arrivals))
        spent = {name: processor_s(pipeline.pid(name)) - before for name, before in spent.items()}
        kept = (pipeline.database_bytes() - empty) / count / 1024
        run.add("database an image", "KiB", kept)
        _report(run, pipeline, taken_s, received_s, spent)
    run.add("C-STORE to last report", "images/s", count / taken_s)
    rate = run.add("the ensemble alone", "images/s", own)
    run.add("backlog / the ensemble alone", "x", count / taken_s / rate.median)


def _report(
    run: Run,
    pipeline: Pipeline,
    taken_s: float,
    received_s: float,
    spent: Mapping[str, float],
) -> None:
    timings = pipeline.timings()
    count = len(timings)
    run.expect("every image was classified", len(pipeline.destination.arrivals), count)
    steps = {step: sum(one.get(step, 0.0) for one in timings) for step in timings[0]}
    run.add("the ensemble waits", "%", 100 * (1 - steps.get("score", 0.0) / taken_s))
    lines = [["step", "s in all", "ms an image"]]
    lines += [
        [f"classify: {step}", number(s), number(1000 * s / count)] for step, s in steps.items()
    ]
    for station, processor in spent.items():
        run.add(f"{station}: processor time an image", "ms", 1000 * processor / count)
        run.add(f"{station}: memory under load", "MB", memory_mb(pipeline.pid(station)))
        lines.append(
            [f"{station}: processor time", number(processor), number(1000 * processor / count)]
        )
    lines.append(
        ["first C-STORE to last Success", number(received_s), number(1000 * received_s / count)]
    )
    lines.append(["first C-STORE to last report", number(taken_s), number(1000 * taken_s / count)])
    run.tables["Where the time goes"] = lines
