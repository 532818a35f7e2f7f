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


def run(work: str, longest_s: float) -> subprocess.CompletedProcess[str]:
    """Do some work under the watch, and a second of nothing after it."""
    program = PROGRAM.format(work=work, longest_s=longest_s)
    return subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=120
    )


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
