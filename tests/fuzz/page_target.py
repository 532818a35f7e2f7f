"""Odd requests to the page and its JSON, in this process: each is answered, none by an error."""

import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from screening.db.migrate import upgrade
from screening.db.session import Database
from screening.settings import Settings
from tests.fuzz.findings import words_of
from tests.fuzz.request_edits import Who, requests
from tests.fuzz.target import Target
from tests.rows.stored import add_bundle, add_instance
from tests.sites.web_app import Client, add_users, form_token, make_app

NAME = "page"
FIRST_ERROR = 500
ALWAYS = b"content-security-policy"
OPERATORS_ADDRESS = "127.0.0.2"
"""Another than the one that tries to log in until it must wait."""
_PLAIN = {
    "method": "GET",
    "path": "/",
    "query": "",
    "headers": [["host", "127.0.0.1"]],
    "body": "",
}


@contextmanager
def page_target(folder: Path) -> Iterator[Target]:
    """Yield the target: an open page, and one that asks for passwords."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    url = f"sqlite:///{folder / 'screening.db'}"
    upgrade(url)
    database = Database(url)
    with database.write() as session:
        add_bundle(session)
        add_instance(session, "1.2.3")
    add_users(folder / "web-users")
    with asyncio.Runner() as runner:
        yield Target(NAME, ".json", requests(), _Asked(runner, database, folder).faults_of)
    database.close()


class _Asked:
    """Two applications, asked as uvicorn would: in the name of an operator, and of nobody."""

    def __init__(self, runner: asyncio.Runner, database: Database, folder: Path) -> None:
        self._runner = runner
        settings = Settings(data_dir=folder)
        asks = Settings(data_dir=folder, web_authentication="password")
        guarded = make_app(database, asks)
        self._apps = {
            Who.ANYBODY: make_app(database, settings),
            Who.STRANGER: guarded,
            Who.OPERATOR: guarded,
        }
        self._right = {
            Who.ANYBODY: ("", ""),
            Who.STRANGER: _right(Client(guarded), "/login"),
            Who.OPERATOR: _logged_in(guarded),
        }
        for who in Who:  # threads that are made at first use are made now
            self.faults_of(json.dumps({**_PLAIN, "who": who}).encode())

    def faults_of(self, given: bytes) -> Sequence[str]:
        """Make a request."""
        asked = json.loads(given)
        who = Who(asked["who"])
        token, cookie = self._right[who]
        scope = _scope(asked, token, cookie)
        body = asked["body"].encode("latin-1").replace(b"TOKEN", token.encode())
        try:
            status, names = self._runner.run(_answer(self._apps[who], scope, body))
        except Exception as error:  # noqa: BLE001  what should not come is what we look for
            return [words_of("page", error)]
        faults = []
        if status >= FIRST_ERROR:
            faults.append(f"page: answered {status}")
        if ALWAYS not in names:
            faults.append(f"page: answered {status} without the headers that protect it")
        if who is Who.OPERATOR and asked["path"].startswith("/logout"):
            self._right[who] = _logged_in(self._apps[who])
        return faults


async def _answer(app: Any, scope: dict[str, Any], body: bytes) -> tuple[int, set[bytes]]:
    told: list[dict[str, Any]] = []
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await app(scope, receive, send)
    begun = next(one for one in told if one["type"] == "http.response.start")
    return int(begun["status"]), {name.lower() for name, _ in begun["headers"]}


def _filled(value: str, token: str, cookie: str) -> str:
    return value.replace("COOKIE", cookie).replace("TOKEN", token)


def _scope(asked: dict[str, Any], token: str, cookie: str) -> dict[str, Any]:
    """Return what uvicorn makes of a request. Source: ASGI HTTP specification 2.3."""
    headers = [
        (name.encode("latin-1"), _filled(value, token, cookie).encode("latin-1"))
        for name, value in asked["headers"]
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": asked["method"],
        "path": unquote(asked["path"]),
        "raw_path": asked["path"].encode("ascii"),
        "root_path": "",
        "query_string": asked["query"].encode("latin-1"),
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8042),
        "state": {},
    }


def _logged_in(app: Any) -> tuple[str, str]:
    client = Client(app, peer=OPERATORS_ADDRESS)
    client.log_in("otto")
    return _right(client, "/operations")


def _right(client: Client, path: str) -> tuple[str, str]:
    """Return a form token of the page, and the cookies that go with it."""
    token = form_token(client.get(path).text)
    return token, "; ".join(f"{name}={value}" for name, value in client.cookies.items())
