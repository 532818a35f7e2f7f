"""What processes take: memory and processor time of one and of all that it started."""

import os
from pathlib import Path

from tests.load.memory import BYTES_A_MB

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for one in found:
        for thread in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, thread.read_text().split())
            except OSError:
                continue
    return found


def memory_mb(pid: int) -> float:
    """Return what a process and its descendants hold, in MB; shared pages count once (PSS)."""
    held = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        held += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return held * 1024 / BYTES_A_MB


def processor_s(pid: int) -> float:
    """Return the processor time of a process and its descendants so far, ended children too."""
    ticks = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS_A_SECOND
