"""The web application as the command line composes it, asked in process."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher

from screening.cli.running.page import pictures_of, reader_actions
from screening.db.session import Database
from screening.domain.roles import Role
from screening.ops.correction_decisions import accept_correction, reject_correction
from screening.ops.delivery_control import release_parked, remake_failed_reports
from screening.ops.heat_maps import ask_for_heat_maps
from screening.ops.ledger import read_ledger
from screening.settings import Settings
from screening.worklist.access.exposure import check_exposure
from screening.worklist.access.tokens import create_token
from screening.worklist.access.users import User, write_users
from screening.worklist.operations import OperatorActions
from screening.worklist.pictures.pictures import Pictures
from screening.worklist.web import make_web_app

ADDRESS = "http://127.0.0.1"
PASSWORDS = {"rita": "seven green lungs", "otto": "eleven blue hearts"}
_QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""A hash says what it costs to verify; of the real cost are those that `test_users.py` makes."""
ROLES = {"rita": Role.READER, "otto": Role.OPERATOR}


@dataclass
class Client:
    """A browser or program that asks the application; cookies are kept between requests.

    peer: the address its requests seem to come from.
    """

    app: Any
    address: str = ADDRESS
    peer: str = "127.0.0.1"
    headers: dict[str, str] = field(default_factory=dict)
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make one request; redirects are not followed."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(
                app=self.app, raise_app_exceptions=False, client=(self.peer, 50000)
            )
            async with httpx.AsyncClient(
                transport=transport,
                base_url=self.address,
                cookies=self.cookies,
                headers=self.headers,
            ) as client:
                answer = await client.request(method, path, **options)
                self.cookies.update(client.cookies)
                return answer

        return asyncio.run(ask())

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Make one GET request."""
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """Make one POST request."""
        return self.ask("POST", path, **options)

    def send_form(self, page: str, path: str, **fields: str) -> httpx.Response:
        """Load a page and send its form, as a browser does, token included."""
        token = form_token(self.get(page).text)
        return self.post(path, data={"form_token": token, **fields})

    def log_in(self, name: str, password: str | None = None) -> httpx.Response:
        """Log in on the login page; without a password with the right one."""
        return self.send_form(
            "/login", "/login", name=name, password=password or PASSWORDS.get(name, "")
        )


def form_token(page: str) -> str:
    """Return the token that the first form of a page holds."""
    return page.split('name="form_token" value="')[1].split('"', maxsplit=1)[0]


def make_app(database: Database, settings: Settings, *, pictures: Pictures | None = None) -> Any:
    """Return the application; pictures: none are made unless they run."""
    return make_web_app(
        database=database,
        settings=settings,
        exposure=check_exposure(settings),
        read_ledger=lambda: read_ledger(database),
        actions=OperatorActions(
            release_parked=lambda destination: release_parked(database, destination),
            remake_failed_reports=lambda: remake_failed_reports(database),
            accept_correction=lambda number, by: accept_correction(database, number, by=by),
            reject_correction=lambda number, by: reject_correction(database, number, by=by),
        ),
        pictures=pictures or pictures_of(settings),
        reader_actions=reader_actions(database),
        ask_for_heat_maps=partial(ask_for_heat_maps, database),
        stopping=threading.Event(),
    )


def with_token(app: Any, database: Database, name: str, role: Role) -> Client:
    """Return a program that asks an application with a new token of this name and role."""
    token = create_token(database, name, role, by="otto", expires_at=None)
    return Client(app, headers={"Authorization": f"Bearer {token}"})


def add_users(path: Path, roles: Mapping[str, Role] = ROLES) -> None:
    """Write a password file."""
    write_users(path, (User(name, role, _hash_of(name)) for name, role in roles.items()))


@cache
def _hash_of(name: str) -> str:
    return _QUICK_HASHER.hash(PASSWORDS[name])


def password_client(database: Database, folder: Path, **settings: Any) -> Callable[..., Client]:
    """Return a maker of clients of one application that asks for passwords."""
    add_users(folder / "web-users")
    chosen = Settings(data_dir=folder, web_authentication="password", **settings)
    app = make_app(database, chosen)
    return lambda **options: Client(app, **options)
