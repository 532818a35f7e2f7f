"""What processes hold in memory while work goes by, and how fast that grows."""

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BYTES_A_MB = 1_000_000
LIMIT_MB_PER_1000 = 1.0
WARM_UP_SHARE = 0.25
"""Of the work; what is held by then is what the process needs, not what it loses."""
ENOUGH = 5000
"""Pieces of work after which the slope alone decides."""
NOISE_MB, NOISE_OF_TENSORFLOW_MB = 8.0, 32.0
"""Arenas and pools come and go by the megabyte: over fewer pieces, less growth says nothing.

Over the few hundred of the short form this still sees a leak of some tens of kilobytes a piece, as
those of dead associations are (pynetdicom issue 669: 30 MB per 1,000).
"""


@dataclass(frozen=True, slots=True)
class Growth:
    """How memory went with the work, in MB, after the warm-up.

    per_1000: the slope of the regression line; pieces: how much work the line runs over;
    noise_mb: how much comes and goes by itself; last_mb: what was held at the end.
    """

    per_1000: float
    pieces: int
    noise_mb: float
    last_mb: float

    @property
    def in_all_mb(self) -> float:
        """The slope over all the work measured."""
        return self.per_1000 * self.pieces / 1000

    @property
    def is_leak(self) -> bool:
        """Whether it grows faster than it may, and by more than chance."""
        is_sure = self.pieces >= ENOUGH or self.in_all_mb > self.noise_mb
        return self.per_1000 >= LIMIT_MB_PER_1000 and is_sure


def growth(samples: Sequence[tuple[int, float]], noise_mb: float = NOISE_MB) -> Growth:
    """Fit a line to samples of (pieces of work done, MB), leaving the warm-up out.

    noise_mb: see NOISE_MB.
    Raises AssertionError where fewer than three samples are left, which say nothing.
    """
    most = max((done for done, _ in samples), default=0)
    warm = [sample for sample in samples if sample[0] >= most * WARM_UP_SHARE]
    done, held = [sample[0] for sample in warm], [sample[1] for sample in warm]
    assert len(set(done)) > 2, f"expected samples while work goes by, found {len(set(done))}"
    slope = statistics.linear_regression(done, held).slope
    return Growth(slope * 1000, max(done) - min(done), noise_mb, held[-1])


@dataclass(slots=True)
class MemoryWatch:
    """Samples of some stations, by name; `pids` are those that must live through it."""

    pids: Mapping[str, int]
    samples: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def note(self, done: int) -> None:
        """Take a sample of each: so much work is done."""
        for name, pid in self.pids.items():
            self.samples.setdefault(name, []).append((done, resident_mb(pid)))

    def growth(self) -> dict[str, Growth]:
        """Return the growth of each."""
        return {
            name: growth(samples, NOISE_OF_TENSORFLOW_MB if name == "classify" else NOISE_MB)
            for name, samples in self.samples.items()
        }


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process (VmRSS), in MB.

    Raises AssertionError where it is gone.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        status = ""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, f"process {pid} ended"
    return int(found[1]) * 1024 / BYTES_A_MB
