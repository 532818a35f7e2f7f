"""What fuzzing keeps, and that it sees what goes wrong."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tests.fuzz import guide, measured
from tests.fuzz.findings import LARGEST_KEPT_BYTES, ROOT, Findings
from tests.fuzz.guide import try_some
from tests.fuzz.guided import PROGRESS, WARM_UP, Trial
from tests.fuzz.measured import Held
from tests.fuzz.scp_watch import words_of_log
from tests.fuzz.target import Target


def target(taken: "Sequence[str]" = ()) -> Target:
    """Return a target that finds the same fault in every input."""
    return Target("sample", ".bin", st.binary(), lambda _: taken)


def test_the_smallest_input_of_a_fault_is_kept(tmp_path: Path) -> None:
    """And another fault has its own."""
    findings = Findings(tmp_path / "found")
    for size in (9, 3, 5):
        findings.add("sample", ".bin", "it broke", bytes(size))
    findings.add("sample", ".bin", "it broke otherwise", bytes(7))
    found = {one.words: len(one.path.read_bytes()) for one in findings.of("sample")}
    assert found == {"it broke": 3, "it broke otherwise": 7}
    assert findings.of("another") == []


def test_a_fault_is_a_finding(tmp_path: Path) -> None:
    """With the input that made it."""
    findings = Findings(tmp_path / "found")
    Trial(target(["it broke"]), tmp_path, findings)(b"input")
    [found] = findings.of("sample")
    assert (found.words, found.path.read_bytes()) == ("it broke", b"input")


def test_an_input_that_costs_too_much_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time and memory are measured around each."""
    monkeypatch.setattr(measured, "LONGEST_S", 0.0)
    monkeypatch.setattr(measured, "MOST_MIB", 30)
    findings = Findings(tmp_path / "found")
    costly = Target("sample", ".bin", st.binary(), lambda _: ["x"][len(b"x" * (256 << 20)) % 1 :])
    Trial(costly, tmp_path, findings)(b"input")
    words = {one.words for one in findings.of("sample")}
    assert words == {"x", "it took too long", "it took too much memory"}


def test_what_many_inputs_leave_is_a_finding(tmp_path: Path) -> None:
    """Files that stay open are seen once there are more than a pool has."""
    findings = Findings(tmp_path / "found")
    left = []

    def leaves(content: bytes) -> Sequence[str]:
        if content:
            left.append((tmp_path / "left").open("wb"))
        return ()

    trial = Trial(Target("sample", ".bin", st.binary(), leaves), tmp_path, findings)
    for number in range(2 * WARM_UP + 1):
        trial(b"x" if WARM_UP < number < WARM_UP + measured.MORE_FILES + 4 else b"")
    for file in left:
        file.close()
    assert [one.words for one in findings.of("sample")] == ["files or sockets are left open"]


def test_what_a_process_has_too_much_of() -> None:
    """Threads and memory beside files."""
    assert Held(4, 20, 100.0).grown_to(Held(5, 22, 110.0)) == []
    grown = Held(4, 20, 100.0).grown_to(Held(99, 99, 999.0))
    assert [words.split()[0] for words in grown] == ["threads", "files", "memory"]


@pytest.mark.parametrize(
    ("command", "limit_s", "ended"),
    [
        ("import os; os.kill(os.getpid(), 11)", 60.0, f"signal {signal.SIGSEGV.value}"),
        ("raise SystemExit(3)", 60.0, "ended with 3"),
        ("import time; time.sleep(60)", 0.3, "hung"),
        ("", 60.0, ""),
    ],
)
def test_how_a_process_ends_is_seen(
    command: str, limit_s: float, ended: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash and a hang are findings, an end is none."""
    monkeypatch.setattr(guide, "HANG_S", limit_s)
    with subprocess.Popen([sys.executable, "-c", command], stderr=subprocess.DEVNULL) as process:
        found = guide.watched(process, tmp_path)
        process.kill()
    assert ended in found
    assert bool(ended) == bool(found)


def test_a_process_that_tries_nothing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that cannot even start must not look as if nothing had been found."""
    monkeypatch.setattr(guide, "ROOT", tmp_path)  # where there is no package tests
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(AssertionError, match="nothing was tried"):
        try_some("page", tmp_path, Findings(tmp_path / "found"), inputs=1)
    assert not (tmp_path / PROGRESS).exists()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"event": "pdu_refused", "level": "warning", "reason": "x"}', []),
        ('{"event": "instance_refused", "level": "warning", "status": "0xC000"}', []),
        (
            '{"event": "instance_refused", "level": "warning", "status": "0x0110", "reason": "E"}',
            ["logged instance_refused 0x0110 E"],
        ),
        ('{"event": "x_failed", "level": "error"}', ["logged x_failed"]),
        ('{"event": "connection_failed", "level": "warning"}', ["logged connection_failed"]),
        ("Traceback (most recent call last):", ["a line of the log is no event"]),
    ],
)
def test_what_an_scp_should_not_have_to_log(line: str, found: list[str]) -> None:
    """Errors that nobody thought of; what a peer did wrong is none."""
    assert list(words_of_log(line)) == found


def test_kept_inputs_are_small() -> None:
    """A few KiB each."""
    kept = [path for path in (ROOT / "tests" / "fuzz" / "corpus").rglob("*") if path.is_file()]
    assert kept
    assert all(path.stat().st_size <= LARGEST_KEPT_BYTES for path in kept)
