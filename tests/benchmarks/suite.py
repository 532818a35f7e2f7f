"""Every benchmark and its bars, one literal row each; docs/benchmarks.md has the same."""

from tests.benchmarks.bars import Bar, Row
from tests.benchmarks.rows import intake, start_up

ROWS = (
    Row(
        1,
        "intake",
        "Durable intake: the object fsynced and its row committed before Success",
        "DCMTK storescu, 128 KiB PDUs, to this SCP, to Orthanc with SyncStorageArea and to "
        "DCMTK storescp with fsync; images/s, ratios round by round",
        3,
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
        11,
        "start-up",
        "Start: help, SCP that answers, worker that takes work",
        "new interpreters; the worker beside another one that imports TensorFlow and reads the "
        "bytes of the weights",
        2,
        (
            Bar("screening --help", "s", at_most=0.5),
            Bar("SCP ready", "s", at_most=1.5),
            Bar("worker ready / import tensorflow + reading the weights", "x", at_most=1.3),
        ),
        start_up.measure,
    ),
)
