"""One reading and one rendering of the list for all browsers that ask in the same moment.

Every open page asks again each few seconds, and mostly nothing has changed: the database is read
at most once a second for each place in the list, what it says is compared with what was rendered
last, and a browser that has that already is told no more than so. What is known to have changed is
read at once.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from screening.errors import DatabaseUnavailableError
from screening.worklist.pages import Board, SelectionBoard

Place = TypeVar("Place", bound=Hashable)
Shown = TypeVar("Shown", Board, SelectionBoard)
RECENT_S = 1.0
MOST_KEPT = 64
"""Places in the list; the one that was asked for longest ago goes first."""


@dataclass(frozen=True, slots=True)
class RenderedBoard:
    """A board as HTML, and its entity tag (RFC 9110 section 8.8.3): the same for the same HTML."""

    html: str
    tag: str


@dataclass(slots=True)
class _Kept(Generic[Shown]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    read_at_s: float = float("-inf")
    board: Shown | None = None
    rendered: RenderedBoard | None = None
    unavailable: str = ""
    changes: int = 0


class RecentBoards(Generic[Place, Shown]):
    """Gives the board of each place as of at most RECENT_S ago.

    read: returns the board of a place now. render: returns its HTML.
    """

    def __init__(self, read: Callable[[Place], Shown], render: Callable[[Shown], str]) -> None:
        self._read: Callable[[Place], Shown] = read
        self._render: Callable[[Shown], str] = render
        self._lock = threading.Lock()
        self._kept: OrderedDict[Place, _Kept[Shown]] = OrderedDict()
        self._changes = 0

    def __call__(self, place: Place) -> RenderedBoard:
        """Return the board of a place.

        Waiting times in it are those of the moment in which something changed last: the browser
        counts on. Those that ask meanwhile wait for the one that reads.
        Raises CursorError, and DatabaseUnavailableError where the database is away.
        """
        kept = self._of(place)
        with kept.lock:
            changes = self._changes  # one while it reads comes too late for this reading
            if changes != kept.changes or time.monotonic() - kept.read_at_s > RECENT_S:
                self._renew(kept, place)
                kept.changes = changes
            if kept.unavailable or kept.rendered is None:
                raise DatabaseUnavailableError(kept.unavailable)
            return kept.rendered

    def expire(self) -> None:
        """Have the next browser that asks read again: the list has changed."""
        self._changes += 1

    def _of(self, place: Place) -> _Kept[Shown]:
        with self._lock:
            kept = self._kept.setdefault(place, _Kept())
            self._kept.move_to_end(place)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return kept

    def _renew(self, kept: _Kept[Shown], place: Place) -> None:
        try:
            board = self._read(place)
            kept.unavailable = ""
        except DatabaseUnavailableError as error:
            # told to all that wait, so that they do not each wait for a database that is away
            kept.unavailable = str(error)
        else:
            if kept.board is None or replace(board, at=kept.board.at) != kept.board:
                html = self._render(board)
                kept.board = board
                kept.rendered = RenderedBoard(html, _tag(html))
        kept.read_at_s = time.monotonic()


def _tag(html: str) -> str:
    return f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'
