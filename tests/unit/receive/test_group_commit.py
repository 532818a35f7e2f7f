"""What arrives together is written together, and what is at fault fails alone."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from screening.errors import DatabaseUnavailableError, UnstorableValueError
from screening.receive.objects import group_commit
from screening.receive.objects.group_commit import GroupCommit
from tests.sites.site import wait_until

BAD = 13


class Table:
    """Takes groups of numbers, each number's result being its double; the first group waits."""

    def __init__(self, fault: Callable[[], Exception]) -> None:
        self.groups: list[list[int]] = []
        self.proceed = threading.Event()
        self._fault = fault

    def write(self, numbers: Sequence[int]) -> list[int]:
        """Write all or none."""
        self.groups.append(list(numbers))
        if len(self.groups) == 1:
            assert self.proceed.wait(30)
        if BAD in numbers:
            raise self._fault()
        return [2 * number for number in numbers]


def submitted_together(table: Table, numbers: Sequence[int]) -> list[int | Exception]:
    """Submit one number, and the others while it is written; return what came of each."""
    commits = GroupCommit[int, int](table.write)

    def submit(number: int) -> int | Exception:
        try:
            return commits.submit(number)
        except Exception as error:  # noqa: BLE001  is looked at
            return error

    with ThreadPoolExecutor(len(numbers)) as threads:
        first = threads.submit(submit, numbers[0])
        wait_until(lambda: bool(table.groups), "the first to be written")
        others = [threads.submit(submit, number) for number in numbers[1:]]
        wait_until(
            lambda: len(commits._waiting) == len(numbers) - 1,
            "the others to wait",
        )
        table.proceed.set()
        return [first.result(30), *(other.result(30) for other in others)]


def test_those_that_come_while_one_is_written_are_one_group() -> None:
    """Each gets its own result."""
    table = Table(UnstorableValueError)
    assert submitted_together(table, [1, 2, 3, 4]) == [2, 4, 6, 8]
    assert [sorted(group) for group in table.groups] == [[1], [2, 3, 4]]


@pytest.mark.parametrize("fault", [UnstorableValueError, DatabaseUnavailableError, RuntimeError])
def test_one_that_is_at_fault_fails_alone(fault: type[Exception]) -> None:
    """The others are written one by one, also where the fault looks as if it might pass."""
    table = Table(fault)
    first, second, bad, last = submitted_together(table, [1, 2, BAD, 4])
    assert (first, second, last) == (2, 4, 8)
    assert isinstance(bad, fault)
    assert sorted(map(len, table.groups)) == [1, 1, 1, 1, 3]


def test_a_database_that_stays_away_is_asked_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer would not wait for a second timeout."""
    monkeypatch.setattr(group_commit, "SHARED_AFTER_S", 0.01)

    def away() -> Exception:
        time.sleep(0.05)
        return DatabaseUnavailableError("away")

    table = Table(away)
    first, *others = submitted_together(table, [1, 2, BAD, 4])
    assert first == 2
    assert all(isinstance(error, DatabaseUnavailableError) for error in others)
    assert sorted(map(len, table.groups)) == [1, 3]


def test_after_a_failure_others_are_written() -> None:
    """Nobody waits for a leader that is gone."""
    table = Table(RuntimeError)
    table.proceed.set()
    commits = GroupCommit[int, int](table.write)
    with pytest.raises(RuntimeError):
        commits.submit(BAD)
    assert commits.submit(1) == 2
