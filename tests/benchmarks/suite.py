"""Every benchmark and its bars, one literal row each; docs/benchmarks.md has the same."""

from tests.benchmarks.bars import Bar, Row
from tests.benchmarks.parts.ensembles import PLAIN
from tests.benchmarks.rows import (
    at_size,
    backlog,
    decode,
    ensemble,
    gpu,
    intake,
    memory,
    one_image,
    reports,
    scale_out,
    scp_processes,
    start_up,
    training_input,
)

ROWS = (
    Row(
        1,
        "intake",
        "Durable intake: the object fsynced and its row committed before Success",
        "DCMTK storescu, 128 KiB PDUs, to this SCP, to Orthanc with SyncStorageArea and to "
        "DCMTK storescp with fsync; images/s, ratios round by round",
        2,
        (
            *(
                Bar(f"{size}, {associations} / {peer}", "x", at_least=least)
                for peer, least in (
                    ("Orthanc with fsync", 1.0),
                    ("DCMTK storescp with fsync", 0.7),
                )
                for size in ("512 KiB", "8 MiB")
                for associations in ("1 association", "8 associations")
            ),
            Bar("screening: memory of the SCP", "MB", at_most=250),
        ),
        intake.measure,
    ),
    Row(
        2,
        "ensemble",
        "Ensemble on a CPU, batch 1 and 8, with all that the bundle asks for",
        "golden images, prepared; on TensorFlow and on OpenVINO, with the released views and "
        f"{PLAIN}, beside model.predict of the plain members (no test-time "
        "augmentation, no calibration, no outlier check) on the same arrays; images/s, ratios "
        "round by round",
        1.5,
        (
            Bar("ensemble, batch 1 / model.predict of the plain members", "x", at_least=2.0),
            Bar("ensemble, batch 8 / model.predict of the plain members", "x", at_least=1.2),
            *(
                Bar(
                    f"ensemble, batch {size}{views}, on OpenVINO / "
                    "model.predict of the plain members",
                    "x",
                    at_least=least,
                )
                for views in ("", f", {PLAIN}")
                for size, least in ((1, 2.0), (8, 1.2))
            ),
            *(
                Bar(
                    "where the processor has bfloat16 units: "
                    f"ensemble, batch {size} / model.predict of the plain members",
                    "x",
                    at_least=4.0,
                )
                for size in (1, 8)
            ),
        ),
        ensemble.measure,
    ),
    Row(
        3,
        "ensemble-gpu",
        "Ensemble on a GPU, batch 1 to 256: float32, TF32, bfloat16",
        "golden images, prepared; the card's rate by a matrix product of the same precision; "
        "scores compared with the processor's",
        0.1,
        (),
        gpu.measure,
    ),
    Row(
        4,
        "backlog",
        "Backlog of 200 CR, 2048 x 2048, 16 bits: first C-STORE to last report at a destination",
        "storescu to SCP, one classify worker, report worker, a Storage SCP that takes note; the "
        "ensemble alone in another process before and after; where the time goes from the rows",
        4.7,
        (
            Bar("backlog / the ensemble alone", "x", at_least=0.95),
            Bar("the ensemble waits", "%", at_most=5),
        ),
        backlog.measure,
    ),
    Row(
        5,
        "one-image",
        "One image on an idle system, 60 times: Success to the report at a destination",
        "one CR, 2048 x 2048, after the other; one run of the ensemble timed in another process "
        "before and after",
        1.6,
        (Bar("95th percentile beyond one ensemble run", "s", at_most=0.2),),
        one_image.measure,
    ),
    Row(
        6,
        "decode",
        "A file to a network's input, by transfer syntax; one image prepared for all members",
        "beside pydicom's pixel_array, apply_voi_lut and Pillow's resizing, to 300 x 300; "
        "images/s, ratios round by round",
        2,
        (
            *(
                Bar(f"{encoding}, {size} / pydicom + apply_voi_lut + Pillow", "x", at_least=1.0)
                for size in ("2048 x 2048", "4280 x 3520")
                for encoding in (
                    "Explicit VR Little Endian",
                    "RLE Lossless",
                    "JPEG Lossless",
                    "JPEG-LS Lossless",
                    "JPEG 2000 Lossless",
                )
            ),
            Bar("one image prepared for all members", "ms", at_most=20),
        ),
        decode.measure,
    ),
    Row(
        7,
        "reports",
        "1,000 structured reports, built and stored at a Storage SCP",
        "in one process, to DCMTK storescp; processor time of the sender",
        1,
        (Bar("build and store: processor time a report", "ms", at_most=25),),
        reports.measure,
    ),
    Row(
        8,
        "at-size",
        "Lists, figures, claims and records with 1,000,000 studies and as many rows waiting",
        "each question 50 times of the real page and the real functions; claims of 1 and 8 "
        "threads, in turn with a database of 1,000 rows; SQLite, and PostgreSQL without fsync",
        7,
        tuple(
            bar
            for name in ("SQLite", "PostgreSQL")
            for bar in (
                Bar(f"{name}: slowest 95th percentile of all questions", "ms", at_most=50),
                Bar(f"{name}: claim and record, 1 worker / 1,000 rows", "x", at_most=1.5),
                Bar(f"{name}: claim and record, 8 workers / 1,000 rows", "x", at_most=1.5),
                Bar(f"{name}: waits of more than 100 ms for a lock", "waits", at_most=0),
            )
        ),
        at_size.measure,
    ),
    Row(
        9,
        "scale-out",
        "1, 2, 4 and 8 classify workers, each with a simulated device, on PostgreSQL and Redis",
        "the product's workers, whose networks wait 250 ms an image; images/s once each has had "
        "a batch; both servers without fsync",
        1.5,
        (
            *(
                Bar(f"{count} workers / {count} times one", "x", at_least=0.9)
                for count in (2, 4, 8)
            ),
            Bar("Redis commands of a worker, 8 workers / one worker", "x", at_most=1.2),
        ),
        scale_out.measure,
    ),
    Row(
        9,
        "scp-processes",
        "Two and four SCP processes on one port, beside one",
        "storescu, objects of 512 KiB over 16 associations; compared with linear where each "
        "process and its senders have two cores",
        0.5,
        tuple(
            Bar(f"{count} SCP processes / {count} times one", "x", at_least=0.8) for count in (2, 4)
        ),
        scp_processes.measure,
    ),
    Row(
        10,
        "training-input",
        "Training: what the pipeline delivers, and a step beside a bare Keras loop",
        "the released coronet protocol's network and augmentation on phantoms; the same arrays "
        "to train_on_batch in a bare loop, in turn",
        2,
        (
            Bar("the device waits", "%", at_most=3),
            Bar("time of a step / bare Keras loop", "x", at_most=1.05),
        ),
        training_input.measure,
    ),
    Row(
        11,
        "start-up",
        "Start: help, SCP that answers, worker that takes work",
        "new interpreters; the worker beside another one that imports TensorFlow and reads the "
        "bytes of the weights",
        1.5,
        (
            Bar("screening --help", "s", at_most=0.5),
            Bar("SCP ready", "s", at_most=1.5),
            Bar("worker ready / import tensorflow + reading the weights", "x", at_most=1.3),
        ),
        start_up.measure,
    ),
    Row(
        12,
        "memory",
        "Memory of each station at rest and while images come, with one association each",
        "PSS of the processes; small images that are received and refused, so that the count is "
        "high; the slope over the last three quarters",
        1.5,
        tuple(
            Bar(f"{station}: growth by 1,000 images", "MB", at_most=1)
            for station in ("receive", "classify", "report")
        ),
        memory.measure,
    ),
)
