"""Peers are served side by side, each by one thread at a time."""

import queue
import threading

from screening.work.peer_threads import PeerThreads

LONGEST_S = 30


class Work:
    """Work that goes on until it is let go, and is noted when it begins."""

    def __init__(self) -> None:
        self.begun: queue.Queue[str] = queue.Queue()
        self.let_go = threading.Event()

    def __call__(self, title: str) -> bool:
        """Wait to be let go; return whether to look again: only of A."""
        self.begun.put(title)
        self.let_go.wait(LONGEST_S)
        return title == "A"


def test_a_peer_has_one_thread_and_others_wait_for_room() -> None:
    """However often it is asked for, and whoever else is due."""
    threads, work = PeerThreads("test", at_once=2), Work()
    threads.serve(["A", "B", "C"], work)
    threads.serve(["A", "B", "C"], work)
    assert {work.begun.get(timeout=LONGEST_S) for _ in range(2)} == {"A", "B"}
    threads.wait(0)
    assert work.begun.empty()
    work.let_go.set()
    threads.wait(LONGEST_S)
    threads.serve(["C"], work)
    assert work.begun.get(timeout=LONGEST_S) == "C"
    threads.wait(LONGEST_S)


def test_who_asks_to_look_again_is_free_by_then() -> None:
    """So that a look finds the peer idle; without a reason nobody looks."""
    threads, work = PeerThreads("test", at_once=2), Work()
    work.let_go.set()
    looks: queue.Queue[str] = queue.Queue()

    def look() -> None:
        threads.serve(["A"], looks.put)

    threads.serve(["A", "B"], work, look)
    assert looks.get(timeout=LONGEST_S) == "A"
    threads.wait(LONGEST_S)
    assert looks.empty()
