"""Log lines about peers that anybody can provoke, so few that they cannot fill the disk."""

import threading
import time
from dataclasses import dataclass

from screening.logs import get_logger

INTERVAL_S = 60
MOST_KEYS = 1000
log = get_logger()


@dataclass(slots=True)
class _Said:
    at_s: float
    unsaid: int = 0


class RefusalLog:
    """At most one line a minute for each address, event and reason; says how many were left out."""

    def __init__(self, *, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._said: dict[tuple[str, str, str], _Said] = {}
        self._lock = threading.Lock()

    def note(self, event: str, *, peer_address: str, reason: str) -> None:
        """Log a refusal, or count it."""
        now = time.monotonic()
        key = (event, peer_address, reason)
        with self._lock:
            said = self._said.get(key)
            if said is not None and now - said.at_s < self._interval_s:
                said.unsaid += 1
                return
            if said is None and len(self._said) >= MOST_KEYS:
                del self._said[next(iter(self._said))]
            self._said[key] = _Said(now)
        unsaid = said.unsaid if said else 0
        log.warning(event, peer_address=peer_address, reason=reason, unsaid_before=unsaid)
