"""Runs `tests.fuzz.guided` for so much CPU time, and tells what came of it."""

import json
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.findings import ROOT, Finding, Findings
from tests.fuzz.guided import PROGRESS, TRYING
from tests.fuzz.measured import cpu_s

HANG_CPU_S = 60.0
"""For one input; what it should take is measured inside. CPU time, which others' load leaves."""
HANG_S = 1200.0
"""For one input, or to start, where no CPU time is taken either."""
START_CPU_S = 300.0
POLL_S = 0.2
SHORTEST_SLICE_S = 10
SUFFIXES = {"objects": ".dcm", "page": ".json"}


@dataclass(frozen=True, slots=True)
class Row:
    """What fuzzing one target came to.

    reached: how far the inputs came, in words.
    """

    target: str
    led_by: str
    inputs: int
    reached: str
    cpu_minutes: float
    findings: tuple[Finding, ...]


def fuzz_for(
    name: str, folder: Path, findings: Findings, *, budget_s: float, options: tuple[str, ...] = ()
) -> Row:
    """Fuzz for so much CPU time: a process again where one ended early or was held up."""
    inputs, used_s, number = 0, 0.0, 0
    started = time.monotonic()
    while used_s < budget_s:
        pace = (time.monotonic() - started) / used_s if used_s else 1.0
        seconds = max(SHORTEST_SLICE_S, int(pace * (budget_s - used_s)))
        told = ("--seconds", str(seconds), "--seed", str(number * 100_000), *options)
        replay = () if number else ("--replay",)
        tried, took_s = _run(name, folder, findings, (*told, *replay))
        inputs, used_s, number = inputs + tried, used_s + took_s, number + 1
        if not tried:
            raise AssertionError(f"{name}: nothing was tried: {_said(folder)[-2000:]}")
    return _row(name, folder, findings, inputs, used_s)


def try_some(
    name: str, folder: Path, findings: Findings, *, inputs: int, also: tuple[Path, ...] = ()
) -> Row:
    """Replay the corpus and try so many inputs, the same ones every time."""
    told = ("--replay", "--inputs", str(inputs), "--without-atheris")
    tried, took_s = _run(
        name, folder, findings, (*told, *(("--also", *map(str, also)) if also else ()))
    )
    if not tried:
        raise AssertionError(f"{name}: nothing was tried: {_said(folder)[-2000:]}")
    return _row(name, folder, findings, tried, took_s)


def _run(name: str, folder: Path, findings: Findings, told: tuple[str, ...]) -> tuple[int, float]:
    """Run one process to its end; return how many inputs it tried, and its CPU time."""
    for left in (TRYING, PROGRESS):
        folder.joinpath(left).unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.guided", name, "--folder", str(folder)]
    command += ["--findings", str(findings.folder), *told]
    before_s = _children_s()
    with (folder / "said.log").open("wb") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
    try:
        ended = watched(process, folder)
    finally:
        process.kill()
        process.wait()
    if ended and (folder / TRYING).exists():
        findings.add(name, SUFFIXES[name], ended, (folder / TRYING).read_bytes())
    return int(_progress(folder)["tried"]), _children_s() - before_s


def watched(process: subprocess.Popen[bytes], folder: Path) -> str:
    """Wait for a process; return how it should not have ended, "" where it ended well."""
    at, at_s, at_cpu_s = -1.0, time.monotonic(), 0.0
    while process.poll() is None:
        time.sleep(POLL_S)
        now_cpu_s = cpu_s(process.pid)
        if (told := _progress(folder)["at"]) != at:
            at, at_s, at_cpu_s = told, time.monotonic(), now_cpu_s
        most_cpu_s = HANG_CPU_S if at else START_CPU_S
        if now_cpu_s - at_cpu_s > most_cpu_s or time.monotonic() - at_s > HANG_S:
            return "the process hung"
    if process.returncode < 0:
        return f"the process was ended by signal {-process.returncode}"
    return f"the process ended with {process.returncode}" if process.returncode else ""


def _progress(folder: Path) -> dict[str, float]:
    try:
        return json.loads((folder / PROGRESS).read_text(encoding="ascii"))
    except FileNotFoundError:
        return {"tried": 0, "at": 0.0}


def _row(name: str, folder: Path, findings: Findings, inputs: int, used_s: float) -> Row:
    done = re.findall(r"^#\d+\s+DONE\s+cov: (\d+) ft: \d+ corp: (\d+)", _said(folder), re.MULTILINE)
    reached = f"{done[-1][0]} branches, corpus of {done[-1][1]}" if done else "not measured"
    return Row(
        name,
        "atheris" if done else "hypothesis",
        inputs,
        reached,
        used_s / 60,
        tuple(findings.of(name)),
    )


def _said(folder: Path) -> str:
    return (folder / "said.log").read_text(encoding="utf-8", errors="replace")


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
