"""A batch that hangs ends its worker; one that does not leaves it alone."""

import subprocess
import sys

import pytest

HANGS_WITHOUT_LETTING_GO = "re.match('(a+)+$', 'a' * 64 + 'b')"
"""Holds the interpreter as a decoder does that never comes back."""
PROGRAM = """
import re, time
from screening.classify import hung_batch

hung_batch.LONGEST_BATCH_S = {longest_s}
with hung_batch.ended_where_hung():
    {work}
time.sleep(1)
print("alive")
"""


TWO_THREADS = """
import threading, time
from screening.classify import hung_batch

hung_batch.LONGEST_BATCH_S = 1
def work(s):
    with hung_batch.ended_where_hung():
        time.sleep(s)
other = threading.Thread(target=work, args=({other_s},), daemon=True)
other.start()
for _ in range(20):
    work(0.1)
print("alive")
"""


def run(work: str, longest_s: float) -> subprocess.CompletedProcess[str]:
    """Do some work under the watch, and a second of nothing after it."""
    return run_program(PROGRAM.format(work=work, longest_s=longest_s))


def run_program(text: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end."""
    command = [sys.executable, "-c", text]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("work", [HANGS_WITHOUT_LETTING_GO, "time.sleep(600)"])
def test_a_hung_batch_ends_its_worker(work: str) -> None:
    """Also where the interpreter is held; what each thread was at is on standard error."""
    ended = run(work, 0.5)
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
    assert 'File "<string>", line 7' in ended.stderr
    assert ended.stdout == ""


def test_a_batch_that_ends_in_time_is_left_alone() -> None:
    """The watch ends with the block."""
    ended = run("pass", 0.5)
    assert (ended.returncode, ended.stdout) == (0, "alive\n")


@pytest.mark.parametrize(("other_s", "status"), [(600, 1), (0.5, 0)])
def test_a_batch_that_hangs_beside_others_ends_the_worker(other_s: float, status: int) -> None:
    """However many of another thread begin and end meanwhile; each is watched by itself."""
    ended = run_program(TWO_THREADS.format(other_s=other_s))
    assert (ended.returncode, ended.stdout) == (status, "" if status else "alive\n")
