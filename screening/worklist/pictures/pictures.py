"""Gives pictures of spooled objects: kept ones at once, others from a few rendering processes."""

import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from screening.logs import get_logger
from screening.spool.previews import PictureKind, Previews
from screening.worklist.pictures.process import ENDED, TOO_SLOW, RendererProcess

MOST_WAITING = 12
"""Requests that wait for a picture; each holds a thread of the page, which has 40."""
RENDER_TIMEOUT_S = 20.0
WAIT_TIMEOUT_S = 25.0
TIDY_EVERY_S = 30.0
FAILURES_KEPT = 1000
FAILURE_KEPT_S = 600.0
BUSY = "Too many pictures are being made. Try again in a few seconds."
NOT_STARTED = "The process that makes pictures does not start. Tell the operators of this system."
log = get_logger()


class PicturesBusyError(Exception):
    """No picture now; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, or in a sentence why there is none; both empty: the object has left the spool."""

    content: bytes = b""
    reason: str = ""


class Pictures:
    """The pictures of one spool; for threads.

    renderers: at least one; they work side by side.
    """

    def __init__(self, previews: Previews, renderers: list[RendererProcess]) -> None:
        self._previews = previews
        self._idle: queue.LifoQueue[RendererProcess] = queue.LifoQueue()
        for renderer in reversed(renderers):
            self._idle.put(renderer)
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)
        self._failures: OrderedDict[tuple[str, PictureKind], tuple[str, float]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start a renderer, so that the first picture waits for none; tidy; end all at the end."""
        stopped = threading.Event()
        tidying = threading.Thread(target=self._tidy, args=(stopped,), name="tidy", daemon=True)
        tidying.start()
        with self._renderer() as first:
            try:
                first.start()
            except OSError as error:
                log.warning("renderer_not_started", reason=error.strerror)
        try:
            yield
        finally:
            stopped.set()
            while not self._idle.empty():
                self._idle.get_nowait().end()

    def get(self, sha256: str, kind: PictureKind) -> Picture:
        """Return a picture of the object of this digest. Raises PicturesBusyError."""
        kept = self._kept(sha256, kind)
        if kept is not None:
            return kept
        if not self._waiting.acquire(blocking=False):
            raise PicturesBusyError(BUSY)
        try:
            with self._renderer() as renderer:
                # another request may have had it made meanwhile
                return self._kept(sha256, kind) or self._made(renderer, sha256, kind)
        finally:
            self._waiting.release()

    def _kept(self, sha256: str, kind: PictureKind) -> Picture | None:
        content = self._previews.read(sha256, kind)
        if content is not None:
            return Picture(content)
        with self._lock:
            reason, until_s = self._failures.get((sha256, kind), ("", 0.0))
        return Picture(reason=reason) if until_s > time.monotonic() else None

    def _made(self, renderer: RendererProcess, sha256: str, kind: PictureKind) -> Picture:
        try:
            reason = renderer.make(sha256, kind, timeout_s=RENDER_TIMEOUT_S)
        except OSError as error:
            log.warning("renderer_not_started", reason=error.strerror)
            raise PicturesBusyError(NOT_STARTED) from None
        if not reason:
            return Picture(self._previews.read(sha256, kind) or b"")
        if reason in {ENDED, TOO_SLOW}:
            log.warning("renderer_replaced", sha256=sha256, reason=reason)
            self._remember(sha256, kind, reason)
        return Picture(reason=reason)

    def _remember(self, sha256: str, kind: PictureKind, reason: str) -> None:
        """Keep such an object from costing another process for a while."""
        with self._lock:
            self._failures[sha256, kind] = (reason, time.monotonic() + FAILURE_KEPT_S)
            while len(self._failures) > FAILURES_KEPT:
                self._failures.popitem(last=False)

    @contextmanager
    def _renderer(self) -> Iterator[RendererProcess]:
        try:
            renderer = self._idle.get(timeout=WAIT_TIMEOUT_S)
        except queue.Empty:
            raise PicturesBusyError(BUSY) from None
        try:
            yield renderer
        finally:
            self._idle.put(renderer)

    def _tidy(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                self._previews.tidy()
            except OSError as error:
                log.warning("previews_not_tidied", reason=error.strerror)
            stopped.wait(TIDY_EVERY_S)
