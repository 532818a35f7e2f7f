"""Places for associations, counted over several processes."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from screening.receive.connections.places import OwnPlaces, PlacesOf, SharedPlaces


@pytest.fixture
def shared() -> Iterator[SharedPlaces]:
    """Return three places for two processes."""
    with closing(SharedPlaces(processes=2, most=3)) as made:
        yield made


def test_places_are_shared_and_freed(shared: SharedPlaces) -> None:
    """What one process takes the other lacks, until it is given back or the process has ended."""
    first, second = PlacesOf(shared, 0), PlacesOf(shared, 1)
    assert [first.take(), second.take(), second.take(), first.take()] == [True, True, True, False]
    second.give_back()
    assert [first.take(), second.take()] == [True, False]
    shared.clear(0)
    assert (shared.taken(0), shared.taken(1)) == (0, 1)
    assert [second.take(), second.take(), second.take()] == [True, True, False]


def test_places_taken_in_a_forked_process_count_here(shared: SharedPlaces) -> None:
    """The memory is shared."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if shared.take(1) else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert shared.taken(1) == 1
    assert [shared.take(0), shared.take(0), shared.take(0)] == [True, True, False]


class _Slow(SharedPlaces):
    """Lets other threads run between reading a count and writing it."""

    def taken(self, process: int) -> int:
        """Return how many places a process has, a little late."""
        count = super().taken(process)
        time.sleep(0.0005)
        return count


def test_many_threads_take_no_more_than_there_are() -> None:
    """The kernel's lock alone would let every thread of a process in."""
    with closing(_Slow(2, 20)) as many, ThreadPoolExecutor(8) as threads:
        for places in (OwnPlaces(20), PlacesOf(many, 1)):
            assert sum(threads.map(lambda _, of=places: of.take(), range(60))) == 20


def test_a_process_that_was_killed_holds_no_lock(shared: SharedPlaces) -> None:
    """Killed within it, as kill -9 may: the others go on."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        with shared._locked():
            os.write(tell, b"!")
            signal.pause()
    assert os.read(told, 1) == b"!"
    taking = threading.Thread(target=shared.take, args=[0], daemon=True)
    taking.start()
    taking.join(0.2)
    assert taking.is_alive(), "the other process was to hold the lock"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    taking.join(30)
    assert shared.taken(0) == 1
    os.close(told)
    os.close(tell)
