"""Whether the broker takes messages; if not, why, said once in the log.

A broker may answer and still refuse: Redis that has become a replica, whose memory is full or whose
disk is, answers PING and takes no write. Such a broker is as good as away.
"""

import threading
from collections.abc import Callable, Mapping

from kombu import Connection
from kombu.exceptions import OperationalError

from screening.logs import get_logger

REDIS = "redis"
"""kombu's name of its driver. The driver itself is loaded where the broker is Redis."""
PROBE_KEY = "screening.doorbell"
PROBE_KEPT_S = 60
MEANINGS: Mapping[str, str] = {
    "READONLY": "is a replica, which takes no writes; name the primary in SCREENING_BROKER_URL",
    "UNBLOCKED": "has become a replica, which takes no writes; name the primary",
    "OOM": "has used up its maxmemory; raise it, or remove what else is kept there",
    "MISCONF": "cannot save to its disk; make room there, or see its own log",
    "NOREPLICAS": "has too few replicas to take writes; see min-replicas-to-write",
    "NOAUTH": "wants a password; give it in SCREENING_BROKER_URL",
    "WRONGPASS": "refuses the password; correct SCREENING_BROKER_URL",
    "NOPERM": "does not permit this user the commands; correct its ACL",
    "LOADING": "loads its data; wait",
    "MASTERDOWN": "is a replica that has lost its primary; name the primary",
    "CLUSTERDOWN": "is part of a cluster that is down; a single Redis is enough here",
    "MOVED": "is part of a cluster, which is not supported; a single Redis is enough here",
    "CROSSSLOT": "is part of a cluster, which is not supported; a single Redis is enough here",
    "BUSY": "is busy with a script; see SCRIPT KILL",
}
"""What Redis means by the code that begins an error: "the broker ..."."""
log = get_logger()


def require_writes(connection: Connection) -> None:
    """Raise one of the connection's errors where a broker on Redis takes no writes now."""
    channel = connection.default_channel
    if connection.transport.driver_type == REDIS:
        with channel.conn_or_acquire() as client:
            client.set(PROBE_KEY, "", ex=PROBE_KEPT_S)


def why_unavailable(error: BaseException) -> str:
    """Return in words why the broker took no message."""
    if isinstance(error, OperationalError) and error.__cause__ is not None:
        error = error.__cause__
    code = _code(error)
    if code in MEANINGS:
        return f"the broker {MEANINGS[code]} ({code})"
    return f"the broker did not answer, or not as expected ({code})"


def _code(error: BaseException) -> str:
    from redis.exceptions import (  # noqa: PLC0415  most sites have no Redis, and loading it takes time
        AuthenticationError,
        BusyLoadingError,
        RedisError,
    )

    if not isinstance(error, RedisError):
        return type(error).__name__
    code = getattr(error, "status_code", None) or str(error).partition(" ")[0]
    if code in MEANINGS:
        return str(code)
    if isinstance(error, BusyLoadingError):
        return "LOADING"
    return "NOAUTH" if isinstance(error, AuthenticationError) else type(error).__name__


def _log(reason: str | None) -> None:
    if reason is None:
        log.info("broker_available")
    else:
        log.warning("broker_unavailable", reason=reason)


class Outage:
    """Says once that the broker is unavailable, and why, and once that it is back; thread-safe.

    say: is given the reason, None where the broker is back.
    """

    def __init__(self, say: Callable[[str | None], None] = _log) -> None:
        self._say = say
        self._reason: str | None = None
        self._lock = threading.Lock()

    def began(self, error: BaseException) -> None:
        """Note that the broker has not taken a message."""
        self._note(why_unavailable(error))

    def ended(self) -> None:
        """Note that the broker has taken one."""
        self._note(None)

    def _note(self, reason: str | None) -> None:
        with self._lock:
            previous, self._reason = self._reason, reason
        if reason != previous:
            self._say(reason)


of_this_process = Outage()
"""Whichever thread meets the one broker first tells of it."""
