"""One Store transaction: its payload goes into the spool as it arrives, part by part.

A part is taken as soon as it is whole, while the next one arrives: its file is durable and its row
committed before the answer, and parts that are taken at once share a commit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from screening.errors import ObjectTooLargeError, ScreeningError, TruncatedDataSetError
from screening.receive.objects.intake import Peer
from screening.receive.objects.taking import Taking
from screening.receive.stow_rs.answers import Instance
from screening.receive.stow_rs.part import IncomingPart, Received
from screening.receive.stow_rs.payload import Payload, PayloadError, payload_of

PIECE_BYTES = 1 << 18
"""How much of a payload is handed to a thread at once."""
PIECE_TIMEOUT_S = 60.0
"""From one piece to the next: a sender slower than 4 KiB/s gives its place to others."""
TAKEN_AT_ONCE = 4
"""Of one request: the objects of others have their turn, too."""
TOO_SLOW, TOO_LARGE = 408, 413

Piece = tuple[bytes, bool]
"""Bytes of a request's body, and whether more may follow."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class EarlyEnd:
    """Why a transaction ended before its payload."""

    http_status: int
    text: str


@dataclass(frozen=True, slots=True)
class Store:
    """What all transactions share."""

    taking: Taking
    threads: Executor
    """They write into the spool, and take objects."""


class Transaction:
    """Takes the objects of one request."""

    def __init__(self, store: Store, received: Received, peer: Peer) -> None:
        self.instances: Sequence[Instance] = ()
        """What became of each part, in their order."""
        self.ended_early: EarlyEnd | None = None
        """None where all of the payload was read."""
        self._store = store
        self._received = received
        self._peer = peer
        self._open: IncomingPart | None = None
        self._whole: list[IncomingPart] = []
        self._taken: list[asyncio.Future[Instance]] = []

    async def run(self, content_type: str, next_bytes: Callable[[], Awaitable[Piece]]) -> None:
        """Read the payload and take its parts.

        next_bytes: waits for more of the body. What it raises passes, after the parts that were
        whole by then have been taken.
        Raises PayloadError where the Content-Type says that no objects come.
        """
        payload = payload_of(content_type, self._begin)
        try:
            await self._read(payload, next_bytes)
        except PayloadError as error:
            self._end_early(error.status, str(error))
        except ObjectTooLargeError as error:
            self._end_early(TOO_LARGE, str(error), error)
        except TimeoutError:
            text = f"expected {PIECE_BYTES} bytes in {PIECE_TIMEOUT_S:g} s, found fewer"
            self._end_early(TOO_SLOW, text)
        finally:
            if self._open is not None:
                self._open.discard()
            await self._take_whole()
            self.instances = [await one for one in self._taken]

    async def _read(self, payload: Payload, next_bytes: Callable[[], Awaitable[Piece]]) -> None:
        more = True
        while more:
            piece = bytearray()
            try:
                async with asyncio.timeout(PIECE_TIMEOUT_S):
                    while more and len(piece) < PIECE_BYTES:
                        data, more = await next_bytes()
                        piece += data
            except BaseException:  # parts that came whole by then are kept
                with suppress(PayloadError, ObjectTooLargeError):
                    await self._in_thread(partial(payload.write, bytes(piece)))
                raise
            await self._in_thread(partial(payload.write, bytes(piece)))
            await self._take_whole()
        await self._in_thread(payload.finish)

    def _begin(self, media_type: str) -> IncomingPart:
        self._open = IncomingPart(media_type, self._received, self._store.taking.open, self._ended)
        return self._open

    def _ended(self, part: IncomingPart) -> None:
        self._open = None
        self._whole.append(part)

    def _end_early(self, status: int, text: str, error: ScreeningError | None = None) -> None:
        """Have the part that is not whole refused."""
        self.ended_early = EarlyEnd(status, text)
        part, self._open = self._open, None
        if part is not None:
            part.fail(error or TruncatedDataSetError(f"the object is cut short: {text}"))
            self._whole.append(part)

    async def _take_whole(self) -> None:
        """Begin to take the parts that are whole."""
        whole, self._whole = self._whole, []
        for part in whole:
            pending = [one for one in self._taken if not one.done()]
            if len(pending) >= TAKEN_AT_ONCE:
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            loop = asyncio.get_running_loop()
            self._taken.append(loop.run_in_executor(self._store.threads, self._take, part))

    def _take(self, part: IncomingPart) -> Instance:
        taking = self._store.taking
        if part.file is not None and part.failure is None:
            return Instance(part.request, taking.take(part.file, part.request, self._peer))
        failure = part.failure or TruncatedDataSetError("the object is cut short")
        return Instance(part.request, taking.refuse(failure, part.request, self._peer))

    async def _in_thread(self, function: Callable[[], Result]) -> Result:
        """Run in a thread; one that has begun is waited for also where the request is cancelled.

        Nothing else may touch the part's file meanwhile.
        """
        running = asyncio.get_running_loop().run_in_executor(self._store.threads, function)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise
