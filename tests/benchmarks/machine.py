"""The machine that figures belong to: without it they mean nothing."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("tensorflow", "keras", "pynetdicom", "pydicom", "sqlalchemy", "numpy", "pillow")
INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "bf16")
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
PEERS = {
    "DCMTK": ("storescp", "--version"),
    "Orthanc": ("Orthanc", "--version"),
    "PostgreSQL": ("psql", "--version"),
    "Redis": ("redis-server", "--version"),
}
BUSY = 0.25
"""Processes that wait for a processor, for each that there is, from which others' work counts."""


def describe(folder: Path) -> dict[str, str]:
    """Return what the figures depend on, by what it is.

    folder: where the benchmarks write.
    """
    load = os.getloadavg()[0]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "instructions": ", ".join(sorted(instructions())) or "no vector units that count",
        "memory": f"{memory:.0f} GB",
        "disk": _file_system(folder),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "peers": ", ".join(f"{name} {_peer(command)}" for name, command in PEERS.items()),
        "commit": _commit(),
        "load before": f"{load:.1f}" + (" (BUSY: times mean little)" if is_busy() else ""),
    }


def is_busy() -> bool:
    """Return whether other work takes part of the machine just now."""
    return os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)


def instructions() -> set[str]:
    """Return those of INSTRUCTIONS that the processor has."""
    return _cpu_words() & set(INSTRUCTIONS)


def has_bfloat16_units() -> bool:
    """Return whether the processor multiplies bfloat16 numbers itself."""
    return bool(_cpu_words() & BFLOAT16)


def line(machine: Mapping[str, str]) -> str:
    """Return the machine in one line."""
    return "; ".join(machine[key] for key in ("processor", "memory", "disk", "system"))


def _cpu_words() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return set()
    lines = re.findall(r"^(?:flags|Features).*$", text, re.MULTILINE)
    return set(re.findall(r"\w+", " ".join(lines)))


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _file_system(folder: Path) -> str:
    command = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", str(folder)]
    if shutil.which("findmnt") is None:
        return "unknown"
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    kind = ended.stdout.strip() or "unknown"
    return f"{kind} (in memory: nothing is durable there)" if kind == "tmpfs" else kind


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _peer(command: tuple[str, ...]) -> str:
    path = shutil.which(command[0], path="/usr/sbin:/usr/bin:/usr/local/bin")
    if path is None:
        return "absent"
    ended = subprocess.run(
        [path, *command[1:]], capture_output=True, text=True, check=False, timeout=20
    )
    found = re.search(r"\d+\.\d+(?:\.\d+)*", ended.stdout + ended.stderr)
    return found[0] if found else "present"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.stdout.strip() or "unknown"
