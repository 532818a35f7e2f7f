"""One more thread for the work of the thread that asks, once there is enough for two."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class SecondThread:
    """Does some work beside the thread that has it started, which waits for its end."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._thread = ThreadPoolExecutor(1, "second")
        self._under_way: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for its end; raise what the work raised, unless the block raised something."""
        self._thread.shutdown()
        if error is None:
            self.has_worked()

    def start(self) -> None:
        """Have it work, unless it does already, or what it raised is still to be raised here."""
        last = self._under_way
        if last is None or (last.done() and last.exception() is None):
            self._under_way = self._thread.submit(self._work)

    def has_worked(self) -> bool:
        """Wait for its end; return whether it was started since. Raises what the work raised."""
        ended, self._under_way = self._under_way, None
        if ended is None:
            return False
        ended.result()
        return True
