"""Row 9, the other half: two and four SCP processes on one port, beside one.

Small objects over sixteen associations, so that processors and not the disk are what is short. What
comes of it is compared with linear only where each process, and a sender beside it, has a core.
"""

import os
from functools import partial

from tests.benchmarks.parts.objects import computed_radiograph
from tests.benchmarks.parts.scps import our_scp
from tests.benchmarks.rows.intake import images_a_second
from tests.benchmarks.run import Run, program

ASSOCIATIONS = 16
SIDE_PIXELS = 512
PROCESSES = (1, 2, 4)


def measure(run: Run) -> None:
    """Send the same to one, two and four processes in shuffled rounds."""
    from contextlib import ExitStack

    storescu = program("storescu", "dcmtk")
    template = computed_radiograph(SIDE_PIXELS, SIDE_PIXELS)
    objects = run.size("objects", full=96, short=16)
    counts = PROCESSES[:2] if run.is_short else PROCESSES
    with ExitStack() as stack:
        scps = {
            count: stack.enter_context(
                our_scp(
                    run.room(f"{count} processes"),
                    forks=run.is_short,
                    SCREENING_SCP_PROCESSES=str(count),
                )
            )
            for count in counts
        }
        sent: dict[int, list[str]] = {count: [] for count in counts}
        sending = partial(images_a_second, run, storescu, template, objects, ASSOCIATIONS)
        values = run.compare(
            "512 KiB, 16 associations",
            "images/s",
            {_name(count): partial(sending, scps[count], sent[count]) for count in counts},
            run.size("rounds", full=4, short=1),
        )
        for count, scp in scps.items():
            run.expect("each port has every object once", len(sent[count]), scp.stored())
    cores = os.cpu_count() or 1
    for count in counts[1:]:
        if cores < 2 * count:
            run.notes.append(
                f"{_name(count)}: {2 * count} cores would be needed to compare, found {cores}."
            )
            continue
        pairs = zip(values[_name(count)], values[_name(1)], strict=True)
        run.add(f"{_name(count)} / {count} times one", "x", [a / b / count for a, b in pairs])


def _name(count: int) -> str:
    return f"{count} SCP process" if count == 1 else f"{count} SCP processes"
