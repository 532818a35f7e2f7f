"""Measure intake on this machine: `make bench`.

DCMTK's storescu sends phantoms to a real SCP (SQLite, every object fsynced) over one and over
several associations; medians of shuffled repetitions, since single figures mean nothing on a
shared machine. Every object of a run is another instance, or the SCP would store it once.
"""

import contextlib
import itertools
import os
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import pydicom

from screening.imaging.phantom import write_phantoms
from tests.sites.site import Site, running_site

OBJECTS = 24
ASSOCIATIONS = (1, 4, 8)
REPETITIONS = 5
_numbers = itertools.count(1)


def main() -> None:
    """Run the measurements and print images a second, by number of associations."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        site = stack.enter_context(running_site(folder, bundle_dir=folder / "none"))
        site.start("receive")
        site.wait_for_scp()
        template = pydicom.dcmread(write_phantoms(folder / "phantoms", 1)[0])
        size_kib = len(template.PixelData) >> 10
        runs = [count for count in ASSOCIATIONS for _ in range(REPETITIONS)]
        random.shuffle(runs)
        rates: dict[int, list[float]] = {count: [] for count in ASSOCIATIONS}
        for associations in runs:
            rates[associations].append(_images_a_second(site, template, folder, associations))
    print(f"{OBJECTS} objects of {size_kib} KiB, median (lowest to highest) of {REPETITIONS}:")
    for associations, measured in rates.items():
        print(
            f"{associations} associations: {statistics.median(measured):.1f} images/s "
            f"({min(measured):.1f} to {max(measured):.1f})"
        )


def _images_a_second(
    site: Site, template: pydicom.Dataset, folder: Path, associations: int
) -> float:
    shares = [folder / f"share{next(_numbers)}" for _ in range(associations)]
    for share in shares:
        share.mkdir()
        for _ in range(OBJECTS // associations):
            number = next(_numbers)
            template.SOPInstanceUID = f"2.25.{number}"
            template.file_meta.MediaStorageSOPInstanceUID = template.SOPInstanceUID
            template.save_as(share / f"{number}.dcm")
    command = ["storescu", "-aec", "SCREENING", "127.0.0.1", site.variables["SCREENING_SCP_PORT"]]
    started = time.perf_counter()
    senders = [
        subprocess.Popen([*command, "+sd", str(share)], env={**os.environ, "TCP_NODELAY": "1"})
        for share in shares
    ]
    if any(sender.wait() for sender in senders):
        raise SystemExit("a sender failed; see above")
    return OBJECTS / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
