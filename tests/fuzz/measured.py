"""Measures what one input costs, and what is left of many; Linux."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LONGEST_S = 10.0
"""Of this process's CPU time, for all that is done with one input."""
MOST_MIB = 1024
"""More than before, at the peak."""
MORE_THREADS, MORE_FILES = 8, 48
"""Than after the first inputs: pools of threads and connections are filled when needed.

SQLite keeps files of closed connections open as long as another one holds a lock; 15 connections
at once have three each.
"""
MORE_MIB = 256
"""Atheris keeps its corpus in this process too."""
_PEAK_RESET = "5"


@dataclass(frozen=True, slots=True)
class Held:
    """What a process has: threads, open files, memory."""

    threads: int
    files: int
    mib: float

    def grown_to(self, now: "Held") -> list[str]:
        """Return what there is too much of by now."""
        found = []
        if now.threads > self.threads + MORE_THREADS:
            found.append("threads are left")
        if now.files > self.files + MORE_FILES:
            found.append("files or sockets are left open")
        if now.mib > self.mib + MORE_MIB:
            found.append("memory has grown from input to input")
        return found


def held_by(process: int | str = "self") -> Held:
    """Return what a process has now."""
    threads = len(os.listdir(f"/proc/{process}/task"))  # noqa: PTH208  some 100 times a second
    files = len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208  as above
    return Held(threads, files, memory_mib("VmRSS", process))


@contextmanager
def measured(faults: list[str]) -> Iterator[None]:
    """Add to `faults` where what is done inside takes too much."""
    _reset_peak()
    before_mib, started = memory_mib("VmRSS"), time.process_time()
    yield
    took_s = time.process_time() - started
    if took_s > LONGEST_S:
        faults.append("it took too long")
    if memory_mib("VmHWM") - before_mib > MOST_MIB:
        faults.append("it took too much memory")


def memory_mib(what: str, process: int | str = "self") -> float:
    """Return a line of a process's status: VmRSS for what it has now, VmHWM for its peak."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    [line] = [line for line in status.splitlines() if line.startswith(f"{what}:")]
    return int(line.split()[1]) / 1024


def cpu_s(process: int) -> float:
    """Return the CPU time of a process so far. Source: proc(5), stat."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text(_PEAK_RESET, encoding="ascii")
