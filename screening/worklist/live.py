"""Tells open pages that the list has changed, as server-sent events.

One look at the database a moment serves all who wait. An event says only that something changed;
the page then asks for the list as it always does, with its login and its entity tag.
Source: HTML Living Standard section 9.2 (server-sent events).
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from screening.db.event_mark import newest_mark
from screening.db.session import Database
from screening.errors import DatabaseUnavailableError
from screening.logs import get_logger

CHANGES_PATH = "/changes"
MOST_STREAMS = 100
"""Half of the requests that the page serves at once; further pages ask every few seconds."""
LOOK_EVERY_S = 0.4
CURRENT_EVERY_S = 5.0
"""How often a page hears that its list is up to date, where nothing changes."""
STREAM_S = 120.0
"""A stream ends after so long, and the browser opens another: so one that nobody reads ends."""
SEND_TIMEOUT_S = 10.0
RECONNECT_AFTER_MS = 3000
CHANGED, CURRENT = "changed", "current"
FULL = "Too many pages are open at once. This one asks for the list every few seconds instead."
log = get_logger()


class Changes:
    """What all streams of a page wait for; for one event loop.

    read_mark: returns what tells one state of the list from another. on_change: is called before
    anybody hears of a change. is_ending: whether the page stops.
    """

    def __init__(
        self,
        read_mark: Callable[[], str],
        on_change: Callable[[], None],
        is_ending: Callable[[], bool],
    ) -> None:
        self._read_mark = read_mark
        self._on_change = on_change
        self._is_ending = is_ending
        self._mark = ""
        self._next_look = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self.streams = 0

    async def stream(self, last_id: str) -> AsyncIterator[str]:
        """Yield the events of one page, until the stream has lasted STREAM_S or the page stops.

        last_id: the last mark that this page heard of, "" where none.
        """
        self.streams += 1
        try:
            self._watching = self._watching or asyncio.create_task(self._watch())
            yield f"retry: {RECONNECT_AFTER_MS}\n\n"
            async for mark in self._marks(last_id):
                kind = CURRENT if mark == last_id else CHANGED
                last_id = mark
                yield f"event: {kind}\nid: {mark}\ndata: \n\n"
        finally:
            self.streams -= 1

    async def _marks(self, last_mark: str) -> AsyncIterator[str]:
        """Yield each new mark at once, and the old one every CURRENT_EVERY_S."""
        ends_at_s = time.monotonic() + STREAM_S
        told_at_s = float("-inf")
        while (now_s := time.monotonic()) < ends_at_s:
            await self._next_look.wait()
            if self._is_ending():
                return
            if self._mark != last_mark or now_s - told_at_s >= CURRENT_EVERY_S:
                told_at_s, last_mark = now_s, self._mark
                yield last_mark

    async def _watch(self) -> None:
        """Look at the database until nobody waits."""
        try:
            while self.streams:
                if await self._look():
                    looked, self._next_look = self._next_look, asyncio.Event()
                    looked.set()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._watching = None

    async def _look(self) -> bool:
        """Return whether there is something to tell: the database answered, or the page ends."""
        if self._is_ending():
            return True
        try:
            mark = await run_in_threadpool(self._read_mark)
        except DatabaseUnavailableError:
            return False  # nobody hears that the list is current, and each page says so
        if mark != self._mark:
            self._on_change()
            self._mark = mark
        return True


class _EventStream(StreamingResponse):
    """A stream whose reader is dropped where it takes nothing for SEND_TIMEOUT_S."""

    media_type = "text/event-stream"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            log.info("page_stream_dropped", reason="nobody reads it")


def add_changes(
    app: FastAPI,
    database: Database,
    on_change: Sequence[Callable[[], None]],
    stopping: threading.Event,
) -> None:
    """Add the address that pages listen to; on_change: what is shown expires by these."""

    def expire() -> None:
        for one in on_change:
            one()

    changes = Changes(lambda: newest_mark(database), expire, stopping.is_set)

    @app.get(CHANGES_PATH)
    async def listen(request: Request) -> Response:
        if changes.streams >= MOST_STREAMS:
            return JSONResponse(
                {"status": "too many pages", "advice": FULL}, 503, {"Retry-After": "60"}
            )
        last_id = request.headers.get("last-event-id", "")
        # a proxy that collects what passes would hold events back
        return _EventStream(changes.stream(last_id), headers={"X-Accel-Buffering": "no"})
