"""The three ways to identify who makes a request: no login, a password, or a proxy."""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from screening.domain.roles import Role
from screening.errors import SettingsError
from screening.logs import get_logger
from screening.settings import Settings
from screening.worklist.access.access import Visitor
from screening.worklist.access.attempts import FailedAttempts
from screening.worklist.access.forms import SAFE_METHODS, FormTokens
from screening.worklist.access.sessions import Sessions
from screening.worklist.access.users import NAME_PATTERN, User, UsersFile, password_fits

HASHES_AT_ONCE = 2
"""Each costs 64 MiB."""
LONGEST_NAME = 255
"""Longest user name from a proxy, in characters; a longer one is refused, never cut."""
log = get_logger()


class Identification(Protocol):
    """Says who makes a request."""

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who makes the request, None where that is not a known user."""
        ...


class Anybody:
    """The page is open: whoever reaches it may read, and nobody may change anything."""

    def __init__(self, tokens: FormTokens) -> None:
        self._token = tokens.of("anybody")

    async def visitor(self, request: Request) -> Visitor | None:
        """Return a reader without a name."""
        del request
        return Visitor("", Role.READER, self._token)


class ByProxy:
    """The proxy has authenticated the user and names them in headers; only it is admitted."""

    def __init__(self, settings: Settings, tokens: FormTokens) -> None:
        self._user_header = settings.web_user_header
        self._groups_header = settings.web_groups_header
        self._readers = frozenset(settings.web_reader_groups)
        self._operators = frozenset(settings.web_operator_groups)
        self._tokens = tokens

    async def visitor(self, request: Request) -> Visitor | None:
        """Return the user whom the proxy names, if their groups may read."""
        name = _only(request.headers.getlist(self._user_header))
        if not name or len(name) > LONGEST_NAME:
            return None
        listed = _only(request.headers.getlist(self._groups_header))
        groups = {group.strip() for group in listed.split(",")}
        operates = bool(groups & self._operators)
        if self._readers and not operates and not groups & self._readers:
            return None
        role = Role.OPERATOR if operates else Role.READER
        return Visitor(name, role, self._tokens.of(f"proxy {name}"))


@dataclass(frozen=True, slots=True)
class Login:
    """How an attempt to log in ended: a user, a time to wait, or neither for a wrong password."""

    user: User | None = None
    wait_s: float = 0.0


class ByPassword:
    """Users of the password file: by the session that a login began, or with each request.

    Programs send name and password with each request (HTTP Basic, RFC 7617), which is taken for
    reading only; browsers are never asked for that, since they could not log out again.
    """

    def __init__(self, settings: Settings, tokens: FormTokens, *, cookie_name: str) -> None:
        self.sessions = Sessions(settings.web_session_hours * 3600)
        self.cookie_name = cookie_name
        self._file = UsersFile(settings.resolved_web_users_file)
        self._tokens = tokens
        self._attempts = FailedAttempts()
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        if not self._file.users():
            raise SettingsError(
                f"{settings.resolved_web_users_file}: expected a user who may log in, found none; "
                "`screening users add NAME` adds one"
            )

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who is logged in, with their present role."""
        token = request.cookies.get(self.cookie_name)
        if token:
            user = self.sessions.find(token)
            known = user is not None and self._current(user.name) == user
            return _visitor(user, self._tokens.of(token)) if user and known else None
        credentials = _basic_credentials(request)
        if credentials is None or request.method not in SAFE_METHODS:
            return None
        login = await self.log_in(*credentials, address=address_of(request))
        return _visitor(login.user, self._tokens.of("no form")) if login.user else None

    async def log_in(self, name: str, password: str, *, address: str) -> Login:
        """Compare a password. A wrong one is counted, and after too many the next must wait."""
        known_name = name if NAME_PATTERN.fullmatch(name) else ""
        async with self._hashing:  # asked in here, or many attempts at once would all pass
            wait_s = self._attempts.wait_s(address, known_name)
            if wait_s:
                log.warning("login_delayed", address=address, wait_s=round(wait_s))
                return Login(wait_s=wait_s)
            user = self._current(known_name)
            fits = await run_in_threadpool(password_fits, user, password)
        if not fits or user is None:
            self._attempts.count(address, known_name)
            # a name that is unknown may be a password typed into the wrong field
            log.warning("login_failed", address=address, user=user.name if user else None)
            return Login()
        self._attempts.forget(address, user.name)
        return Login(user=user)

    def _current(self, name: str) -> User | None:
        try:
            return self._file.users().get(name)
        except SettingsError as error:
            log.error("users_file_unusable", reason=str(error))  # noqa: TRY400  no traceback needed
            return None


def cookie_name(*, secure: bool) -> str:
    """Return the name of the session's cookie.

    Browsers take a cookie with the prefix from this very host by TLS alone (RFC 6265bis 4.1.3.2).
    """
    return f"{'__Host-' if secure else ''}screening-session"


def identification_of(settings: Settings, tokens: FormTokens, *, secure: bool) -> Identification:
    """Return what the settings choose; raises SettingsError for an unusable password file."""
    if settings.web_authentication == "password":
        return ByPassword(settings, tokens, cookie_name=cookie_name(secure=secure))
    if settings.web_authentication == "proxy":
        return ByProxy(settings, tokens)
    return Anybody(tokens)


def address_of(request: Request) -> str:
    """Return the address a request comes from, as far as it is known."""
    return request.client.host if request.client else "unknown"


def _visitor(user: User, form_token: str) -> Visitor:
    return Visitor(user.name, user.role, form_token)


def _only(values: Sequence[str]) -> str:
    """Return the one value of a header; "" for none, or for several, one of which may be forged."""
    return values[0].strip() if len(values) == 1 else ""


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    name, _, password = decoded.partition(":")
    return name, password
