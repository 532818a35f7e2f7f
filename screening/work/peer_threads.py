"""Work for several peers side by side: one thread for each at a time, and so many in all."""

import threading
import time
from collections.abc import Callable, Iterable

_LOOK_EVERY_S = 0.05


class PeerThreads:
    """Threads by AE title; a peer that is being served is passed over."""

    def __init__(self, name: str, *, at_once: int) -> None:
        """name: how the threads' names begin."""
        self._name = name
        self._at_once = at_once
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def serve(
        self,
        titles: Iterable[str],
        work: Callable[[str], object],
        when_free: Callable[[], object] | None = None,
    ) -> None:
        """Start `work` for each of these peers that has no thread, as far as there is room.

        work: with the AE title, in a thread of its own; must raise nothing. when_free: called once
        the peer can be served again, where `work` has returned something true.
        """
        for title in self._taken(titles):
            threading.Thread(
                target=self._run,
                args=(title, work, when_free),
                name=f"{self._name}-{title}",
                daemon=True,
            ).start()

    def wait(self, timeout_s: float) -> None:
        """Wait until no thread is left, or for so long."""
        deadline = time.monotonic() + timeout_s
        while self._busy and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)

    def _taken(self, titles: Iterable[str]) -> list[str]:
        with self._lock:
            idle = [title for title in titles if title not in self._busy]
            idle = idle[: self._at_once - len(self._busy)]
            self._busy.update(idle)
            return idle

    def _run(
        self,
        title: str,
        work: Callable[[str], object],
        when_free: Callable[[], object] | None,
    ) -> None:
        try:
            looks_again = work(title)
        finally:
            with self._lock:
                self._busy.discard(title)
        if looks_again and when_free is not None:
            when_free()
