"""Many browsers that ask in one moment cost one reading."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from screening.errors import DatabaseUnavailableError
from screening.worklist import recent_boards
from screening.worklist.pages import Board
from screening.worklist.recent_boards import RecentBoards, RenderedBoard
from screening.worklist.studies.ordering import WorklistPage
from screening.worklist.studies.places import Place
from tests.rows.stored import NOON

FIRST = Place()
TOTALS: Any = SimpleNamespace(received=1)
EMPTY = Board(
    place=FIRST,
    page=WorklistPage((), None, None),
    by_priority={},
    totals=TOTALS,
    bundle=None,
    untrained=False,
    drift_warnings=(),
    at=NOON,
)


class Site:
    """What is read and rendered, counted."""

    def __init__(self) -> None:
        self.board = EMPTY
        self.away = False
        self.reads: list[Place] = []
        self.renders = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def read(self, place: Place) -> Board:
        """Return the board, once it may."""
        self.reads.append(place)
        self.may_answer.wait()
        if self.away:
            raise DatabaseUnavailableError("no connection")
        return self.board

    def render(self, board: Board) -> str:
        """Return something that tells boards apart."""
        self.renders += 1
        return f"untrained {board.untrained}"


@pytest.fixture
def site() -> Site:
    """Return a site that answers."""
    return Site()


def lasting(monkeypatch: pytest.MonkeyPatch, recent_s: float) -> None:
    """Let a board count as recent for so long."""
    monkeypatch.setattr(recent_boards, "RECENT_S", recent_s)


def test_one_reading_serves_all_that_ask_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty browsers at once, one reading, one rendering; another place is read by itself."""
    lasting(monkeypatch, 3600)
    boards = RecentBoards(site.read, site.render)
    site.may_answer.clear()
    with ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(boards, FIRST) for _ in range(20)]
        site.may_answer.set()
        answers: list[RenderedBoard] = [each.result() for each in asked]
    assert len(set(answers)) == 1
    assert (site.reads, site.renders) == ([FIRST], 1)
    boards(Place(after="x"))
    assert site.reads == [FIRST, Place(after="x")]


def test_what_has_not_changed_is_not_rendered_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time alone is no change."""
    lasting(monkeypatch, -1)
    boards = RecentBoards(site.read, site.render)
    first = boards(FIRST)
    site.board = replace(EMPTY, at=NOON.replace(hour=13))
    assert boards(FIRST) == first
    assert (len(site.reads), site.renders) == (2, 1)
    site.board = replace(EMPTY, untrained=True)
    changed = boards(FIRST)
    assert changed.tag != first.tag
    assert changed.html == "untrained True"


def test_what_is_known_to_have_changed_is_read_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the change came while somebody read: that reading may have missed it."""
    lasting(monkeypatch, 3600)
    boards = RecentBoards(site.read, site.render)
    boards(FIRST)
    boards.expire()
    site.may_answer.clear()
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(boards, FIRST)
        for _ in range(5000):
            if len(site.reads) == 2:
                break
            time.sleep(0.001)
        boards.expire()
        site.may_answer.set()
        under_way.result()
    site.board = replace(EMPTY, untrained=True)
    assert boards(FIRST).html == "untrained True"
    assert boards(FIRST).html == "untrained True"
    assert len(site.reads) == 3


def test_a_database_that_is_away_is_told_and_asked_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that wait are told at once, nothing old is shown, and its return is noticed."""
    lasting(monkeypatch, 3600)
    boards = RecentBoards(site.read, site.render)
    site.away = True
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError, match="no connection"):
            boards(FIRST)
    assert len(site.reads) == 1
    lasting(monkeypatch, -1)
    site.away = False
    before = boards(FIRST)
    site.away = True
    with pytest.raises(DatabaseUnavailableError):
        boards(FIRST)
    site.away = False
    assert boards(FIRST) == before


def test_places_are_not_kept_without_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was asked for longest ago is forgotten first."""
    lasting(monkeypatch, 3600)
    monkeypatch.setattr(recent_boards, "MOST_KEPT", 2)
    boards = RecentBoards(site.read, site.render)
    one, two, three = (Place(after=name) for name in "abc")
    for place in (one, two, one, three, one, two):
        boards(place)
    assert site.reads == [one, two, three, two]
