"""How often a password may be guessed: failures are counted by address and by user.

An address that guesses is slowed down soon, a user only late: otherwise whoever knows a name could
lock its owner out.
"""

import ipaddress
import time
from collections.abc import Callable

WINDOW_S = 15 * 60
"""Failures count this long."""
MOST_KEYS = 10_000
_IPV6_SITE_BITS = 64

Key = tuple[str, str, str]
MOST_FAILURES = {"address and user": 5, "address": 30, "user": 100}
"""In one window, of one address and one user, of one address, and of one user."""


class FailedAttempts:
    """Counts failures and tells how long another attempt has to wait; for one event loop.

    clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[Key, tuple[float, int]] = {}

    def wait_s(self, address: str, user: str) -> float:
        """Return how many seconds to wait before another attempt; 0.0 where it may be made now."""
        now_s = self._clock()
        waits = [0.0]
        for key in _keys(address, user):
            began_s, count = self._in_window(key, now_s)
            if count >= MOST_FAILURES[key[0]]:
                waits.append(began_s + WINDOW_S - now_s)
        return max(waits)

    def count(self, address: str, user: str) -> None:
        """Count a failed attempt."""
        now_s = self._clock()
        for key in _keys(address, user):
            began_s, count = self._in_window(key, now_s)
            self._failures.pop(key, None)
            self._failures[key] = (began_s, count + 1)
        while len(self._failures) > MOST_KEYS:
            del self._failures[next(iter(self._failures))]

    def forget(self, address: str, user: str) -> None:
        """Forget this user's failures from this address: they know the password."""
        self._failures.pop(_keys(address, user)[0], None)

    def _in_window(self, key: Key, now_s: float) -> tuple[float, int]:
        began_s, count = self._failures.get(key, (now_s, 0))
        return (began_s, count) if now_s - began_s < WINDOW_S else (now_s, 0)


def _keys(address: str, user: str) -> tuple[Key, Key, Key]:
    site = _site(address)
    return ("address and user", site, user), ("address", site, ""), ("user", "", user)


def _site(address: str) -> str:
    """Return an address, of IPv6 only the part that a site is given as a whole (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004
        return str(parsed)
    return str(ipaddress.ip_network((parsed, _IPV6_SITE_BITS), strict=False))
