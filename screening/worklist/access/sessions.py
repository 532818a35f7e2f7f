"""Who is logged in: kept in this process alone, so a restart asks everybody to log in again."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from screening.worklist.access.users import User

MOST_SESSIONS = 1000
"""Of all users together; beyond it the oldest login ends."""
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class _Session:
    user: User
    ends_at_s: float


class Sessions:
    """Logins by the SHA-256 of their token; a token itself is only in its cookie.

    For one event loop. lifetime_s: from the login on, however busy. clock: seconds that only go
    forward.
    """

    def __init__(self, lifetime_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.lifetime_s = lifetime_s
        self._clock = clock
        self._sessions: dict[str, _Session] = {}

    def begin(self, user: User) -> str:
        """Return the token of a new login."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now_s = self._clock()
        for key in [k for k, found in self._sessions.items() if found.ends_at_s <= now_s]:
            del self._sessions[key]
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[_key(token)] = _Session(user, now_s + self.lifetime_s)
        return token

    def find(self, token: str) -> User | None:
        """Return the user of a token, as of the login; None for an ended or unknown one."""
        found = self._sessions.get(_key(token))
        return found.user if found and found.ends_at_s > self._clock() else None

    def end(self, token: str) -> None:
        """Forget a login, if there is one."""
        self._sessions.pop(_key(token), None)


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
