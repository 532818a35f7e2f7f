"""Open pages hear of changes: at once, by one look for all, and none that does not listen stays."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from screening.db.event_mark import newest_mark
from screening.db.session import Database
from screening.db.tables.instances import Event
from screening.errors import DatabaseUnavailableError
from screening.worklist import live
from screening.worklist.live import Changes, add_changes
from tests.rows.stored import NOON
from tests.sites.web_app import Client, password_client


class Site:
    """A database that is looked at, counted, and a page that may stop."""

    def __init__(self) -> None:
        self.mark = "1"
        self.looks = 0
        self.expired = 0
        self.is_away = False
        self.is_ending = False

    def read_mark(self) -> str:
        """Return the mark."""
        self.looks += 1
        if self.is_away:
            raise DatabaseUnavailableError("no connection")
        return self.mark

    def changes(self) -> Changes:
        """Return what streams of this site's page wait for."""
        return Changes(self.read_mark, self._expire, lambda: self.is_ending)

    def _expire(self) -> None:
        self.expired += 1


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return a site that is looked at often."""
    monkeypatch.setattr(live, "LOOK_EVERY_S", 0.005)
    monkeypatch.setattr(live, "CURRENT_EVERY_S", 0.02)
    return Site()


async def heard(changes: Changes, last_id: str, count: int) -> list[str]:
    """Return the first events of a stream, each as "kind mark"."""
    found: list[str] = []
    stream = changes.stream(last_id)
    async for text in stream:
        lines = dict(line.split(": ", 1) for line in text.splitlines() if line)
        if "event" in lines:
            found.append(f"{lines['event']} {lines['id']}")
        if len(found) == count:
            break
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    return found


def test_a_page_hears_of_each_change_and_else_that_it_is_current(site: Site) -> None:
    """What it is shown expires before it hears; a page that comes back hears only of the new."""

    async def listen() -> None:
        changes = site.changes()
        assert await heard(changes, "", 2) == ["changed 1", "current 1"]
        assert await heard(changes, "1", 1) == ["current 1"]
        waiting = asyncio.create_task(heard(changes, "1", 3))
        await asyncio.sleep(0.01)
        site.mark = "2"
        assert "changed 2" in await waiting
        assert site.expired == 2
        assert await heard(changes, "1", 1) == ["changed 2"]

    asyncio.run(listen())


def test_all_pages_share_one_look(site: Site) -> None:
    """Fifty streams cost as many looks as one; with none, nobody looks."""

    async def listen() -> None:
        changes = site.changes()
        streams = [heard(changes, "", 1) for _ in range(50)]
        assert await asyncio.gather(*streams) == [["changed 1"]] * 50
        assert site.looks < 10
        assert changes.streams == 0
        await asyncio.sleep(0.05)
        looks = site.looks
        await asyncio.sleep(0.05)
        assert site.looks == looks

    asyncio.run(listen())


def test_nobody_hears_that_the_list_is_current_while_the_database_is_away(site: Site) -> None:
    """The stream goes on once it is back."""

    async def listen() -> None:
        site.is_away = True
        changes = site.changes()
        waiting = asyncio.create_task(heard(changes, "1", 1))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        site.is_away = False
        assert await waiting == ["current 1"]

    asyncio.run(listen())


@pytest.mark.parametrize("ends", ["the page stops", "it has lasted long"])
def test_streams_end(site: Site, monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    """So that the page stops at once, and that one which nobody reads does not stay."""
    if ends == "it has lasted long":
        monkeypatch.setattr(live, "STREAM_S", 0.05)

    async def listen() -> None:
        changes = site.changes()
        waiting = asyncio.create_task(heard(changes, "", 10_000))
        await asyncio.sleep(0.02)
        site.is_ending = ends == "the page stops"
        await waiting
        assert changes.streams == 0

    asyncio.run(listen())


def application(read_mark: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return an application that has streams only."""
    monkeypatch.setattr(live, "newest_mark", lambda _database: read_mark())
    app = FastAPI()
    add_changes(app, None, (), threading.Event())  # type: ignore[arg-type]  # not read
    return app


def test_a_reader_that_takes_nothing_is_dropped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the connection takes no more for a while, the request ends."""
    monkeypatch.setattr(live, "SEND_TIMEOUT_S", 0.05)
    app = application(site.read_mark, monkeypatch)
    sent: list[Any] = []

    async def ask() -> None:
        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)
            if len(sent) > 2:
                await asyncio.sleep(60)

        scope = {"type": "http", "method": "GET", "path": "/changes", "query_string": b"",
                 "headers": [], "http_version": "1.1", "scheme": "http", "root_path": "",
                 "server": ("localhost", 80), "client": ("localhost", 1)}  # fmt: skip
        async with asyncio.timeout(30):
            await app(scope, receive, send)

    asyncio.run(ask())
    assert len(sent) == 3


def test_one_page_too_many_is_told_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers 503, and the page goes on asking."""
    monkeypatch.setattr(live, "MOST_STREAMS", 0)
    answer = Client(application(site.read_mark, monkeypatch)).get("/changes")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


def test_the_stream_is_for_readers(migrated_database: Database, tmp_path: Any) -> None:
    """Without a login nobody hears anything."""
    assert password_client(migrated_database, tmp_path)().get("/changes").status_code == 401


def test_every_event_changes_the_mark(migrated_database: Database) -> None:
    """Also one of a slow transaction, whose number is below that of the newest."""
    marks = [newest_mark(migrated_database)]
    for number in (50, 49, 51):
        with migrated_database.write() as session:
            session.add(Event(id=number, at=NOON, kind="instance_received", detail={}))
        marks.append(newest_mark(migrated_database))
    assert len(set(marks)) == 4
