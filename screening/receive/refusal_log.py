"""A rate limit for log lines that any peer can provoke, so that they cannot fill the disk."""

import threading
import time
from dataclasses import dataclass

from screening.logs import get_logger

INTERVAL_S = 60
MOST_KEYS = 1000
MOST_OF_ADDRESS = 30
"""Lines in an interval for one address, whatever its reasons: they may hold what it sent."""
log = get_logger()
_Key = tuple[str, ...]


@dataclass(slots=True)
class _Said:
    at_s: float
    lines: int = 1
    unsaid: int = 0


class RefusalLog:
    """At most one line a minute for each address, event and reason, with the number left out."""

    def __init__(self, *, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._said: dict[_Key, _Said] = {}
        self._lock = threading.Lock()

    def note(self, event: str, *, peer_address: str, reason: str, **fields: object) -> None:
        """Log a refusal with what else is known of it, or count it."""
        now = time.monotonic()
        with self._lock:
            unsaid = self._turn((peer_address,), now, MOST_OF_ADDRESS)
            if unsaid is not None:
                unsaid = self._turn((event, peer_address, reason), now, 1)
        if unsaid is not None:
            log.warning(
                event, peer_address=peer_address, reason=reason, unsaid_before=unsaid, **fields
            )

    def _turn(self, key: _Key, now: float, most: int) -> int | None:
        """Return how many lines were left out before this one, None where it is left out, too."""
        said = self._said.get(key)
        if said is not None and now - said.at_s < self._interval_s:
            if said.lines < most:
                said.lines += 1
                return said.unsaid
            said.unsaid += 1
            return None
        if said is None and len(self._said) >= MOST_KEYS:
            del self._said[next(iter(self._said))]
        self._said[key] = _Said(now)
        return said.unsaid if said else 0
