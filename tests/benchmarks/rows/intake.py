"""Row 1: durable intake, beside Orthanc and DCMTK that fsync as well.

DCMTK's storescu sends, with TCP_NODELAY and PDUs of 128 KiB, over one association and over eight;
every object of a run is another instance, or an SCP would store it once.
"""

import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.benchmarks.figures import ratios
from tests.benchmarks.parts.objects import computed_radiograph, shares, write_objects
from tests.benchmarks.parts.processes import memory_mb, processor_s
from tests.benchmarks.parts.scps import Scp, dcmtk_scp, orthanc_scp, our_scp
from tests.benchmarks.run import Run, program

OURS, TWO = "screening", "screening with 2 SCP processes"
PEERS: Mapping[str, Callable[[Path], contextlib.AbstractContextManager[Scp]]] = {
    "Orthanc with fsync": orthanc_scp,
    "DCMTK storescp with fsync": dcmtk_scp,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is sent: square images of 16 bits allocated, so many a run."""

    name: str
    side_pixels: int
    full: int
    short: int


KINDS = (Kind("512 KiB", 512, 48, 4), Kind("8 MiB", 2048, 16, 2))
ASSOCIATIONS = {1: "1 association", 8: "8 associations"}
STORESCU = ("--max-pdu", "131072", "--max-send-pdu", "131072", "--scan-directories")


def measure(run: Run) -> None:
    """Send to every SCP in shuffled rounds, then compare what each has stored."""
    with contextlib.ExitStack() as stack:
        scps = {OURS: stack.enter_context(our_scp(run.room("ours"), forks=run.is_short))}
        if not run.is_short:
            scps[TWO] = stack.enter_context(our_scp(run.room("two"), SCREENING_SCP_PROCESSES="2"))
        for name, running in PEERS.items():
            with run.without_absent(name):
                scps[name] = stack.enter_context(running(run.room(name)))
        sent: dict[str, list[str]] = {name: [] for name in scps}
        memory = dict.fromkeys(scps, 0.0)
        for kind in KINDS:
            for associations in ASSOCIATIONS:
                _compare(run, scps, sent, kind, associations)
                for name, scp in scps.items():
                    memory[name] = max(memory[name], memory_mb(scp.pid))
        for name, scp in scps.items():
            run.expect("each SCP has every object once", len(sent[name]), scp.stored())
            run.add(f"{name}: memory of the SCP", "MB", memory[name])
        _compare_pixels(run, scps, sent)


def _compare(
    run: Run,
    scps: Mapping[str, Scp],
    sent: Mapping[str, list[str]],
    kind: Kind,
    associations: int,
) -> None:
    """Send objects of one kind over so many associations."""
    rounds = run.size("rounds", full=5, short=1)
    objects = run.size("objects", full=kind.full, short=kind.short)
    template = computed_radiograph(kind.side_pixels, kind.side_pixels)
    storescu = program("storescu", "dcmtk")
    sending = partial(images_a_second, run, storescu, template, objects, associations)
    if not run.is_short:
        for name, scp in scps.items():  # the first association loads what others use
            sending(scp, sent[name])
    before = {name: processor_s(scp.pid) for name, scp in scps.items()}
    what = f"{kind.name}, {ASSOCIATIONS[associations]}"
    contenders = {name: partial(sending, scp, sent[name]) for name, scp in scps.items()}
    values = run.compare(what, "images/s", contenders, rounds)
    for name in PEERS:
        if TWO in values and name in values:
            run.add(f"{TWO}: {what} / {name}", "x", ratios(values[TWO], values[name]))
    for name, scp in scps.items():
        spent_ms = 1000 * (processor_s(scp.pid) - before[name]) / rounds / objects
        run.add(f"{name}: processor time, {what}", "ms", spent_ms)


def images_a_second(
    run: Run,
    storescu: str,
    template: bytes,
    objects: int,
    associations: int,
    scp: Scp,
    sent: list[str],
) -> float:
    """Send so many new objects to an SCP and return the rate; their UIDs are added to `sent`."""
    folder = run.room("to send")
    uids = write_objects(folder, template, objects)
    senders = [share for share in shares(uids, associations) if share]
    for number, share in enumerate(senders):
        (folder / str(number)).mkdir()
        for uid in share:
            (folder / f"{uid}.dcm").rename(folder / str(number) / f"{uid}.dcm")
    command = [storescu, *STORESCU, "-aec", scp.ae_title, "127.0.0.1", str(scp.port)]
    environment = {**os.environ, "TCP_NODELAY": "1"}
    started = time.perf_counter()
    processes = [
        subprocess.Popen(
            [*command, str(folder / str(number))],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for number in range(len(senders))
    ]
    said = [process.communicate()[0].decode(errors="replace")[-500:] for process in processes]
    taken_s = time.perf_counter() - started
    run.expect("every storescu ended with status 0", [], [
        words for process, words in zip(processes, said, strict=True) if process.returncode
    ])  # fmt: skip
    sent += uids
    shutil.rmtree(folder)
    return objects / taken_s


def _compare_pixels(run: Run, scps: Mapping[str, Scp], sent: Mapping[str, list[str]]) -> None:
    import hashlib
    from io import BytesIO

    import pydicom

    expected = {
        hashlib.sha256(
            pydicom.dcmread(
                BytesIO(computed_radiograph(kind.side_pixels, kind.side_pixels))
            ).PixelData
        ).hexdigest()
        for kind in KINDS
    }
    for name, scp in scps.items():
        some = [*random.sample(sent[name], min(3, len(sent[name]))), sent[name][0], sent[name][-1]]
        run.expect(
            "Pixel Data as it was sent, in five objects of each SCP",
            expected,
            {scp.pixels_of(uid) for uid in some} | {scp.pixels_of(sent[name][0])},
        )
