"""The faults, one row each: a plug, where it is pulled, on what images, and how long is too long.

To add one: a function that takes the course, pulls, puts back, and says what it did; a row here; a
row in docs/guarantees.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from screening.work.queues import DELIVERY_LEASE_S
from tests.faults import brokers, clocks, databases, disks, kills
from tests.faults.course import Course
from tests.faults.images import Kind
from tests.faults.installation import Where

BOTH = (Where.SERVERS, Where.EMBEDDED)
SERVERS, EMBEDDED = (Where.SERVERS,), (Where.EMBEDDED,)
SOON_S = 60.0
"""From the return of the plug to the last final state, beside the work itself."""
AFTER_A_LOST_DELIVERY_S = DELIVERY_LEASE_S + 30.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One plug.

    limit_s: the longest recovery beside the work itself; needs_disk: a file system of its own;
    only_short: where the short form runs it, if not everywhere.
    """

    name: str
    pull: Callable[[Course], str]
    where: tuple[Where, ...]
    images: Kind = Kind.SCORED
    limit_s: float = SOON_S
    needs_disk: bool = False
    only_short: tuple[Where, ...] = BOTH

    @property
    def in_short(self) -> tuple[Where, ...]:
        """Where the short form runs it."""
        return tuple(where for where in self.where if where in self.only_short)


BASELINE = Fault("nothing pulled", kills.nothing, BOTH, limit_s=float("inf"))

FAULTS = (
    Fault("SCP killed", kills.scp_killed, BOTH, Kind.TOO_SMALL),
    Fault("classify worker killed in mid-batch", kills.classify_killed, BOTH, only_short=SERVERS),
    Fault(
        "report worker killed between send and record",
        kills.report_killed,
        BOTH,
        limit_s=AFTER_A_LOST_DELIVERY_S,
        only_short=SERVERS,
    ),
    Fault(
        "all killed at once",
        kills.all_killed,
        BOTH,
        limit_s=AFTER_A_LOST_DELIVERY_S,
        only_short=EMBEDDED,
    ),
    Fault("worker loses its lease, ends late", kills.lease_lost, BOTH, only_short=SERVERS),
    Fault("Redis emptied every few seconds", brokers.redis_flushed, SERVERS),
    Fault("Redis restarted, nothing kept", brokers.redis_restarted, SERVERS),
    Fault("Redis away for a minute", brokers.redis_away, SERVERS),
    Fault("1,000 doorbells too many", brokers.doorbells_rung, BOTH, only_short=EMBEDDED),
    Fault("PostgreSQL restarted", databases.postgresql_restarted, SERVERS),
    Fault("PostgreSQL crashed", databases.postgresql_crashed, SERVERS),
    Fault("PostgreSQL connections cut", databases.connections_cut, SERVERS),
    Fault("deadlock", databases.deadlock_forced, SERVERS),
    Fault("serialisation failures", databases.serialisation_failures, SERVERS),
    Fault("SQLite locked by another", databases.sqlite_locked, EMBEDDED),
    Fault("disk full in mid-object", disks.disk_full, EMBEDDED, needs_disk=True),
    Fault("disk read-only", disks.disk_read_only, EMBEDDED, needs_disk=True),
    Fault("watermark crossed and back", disks.watermark_crossed, EMBEDDED, needs_disk=True),
    Fault("clocks jump by an hour", clocks.clocks_jump, BOTH, only_short=EMBEDDED),
    Fault(
        "leases an hour off",
        clocks.leases_off,
        BOTH,
        limit_s=AFTER_A_LOST_DELIVERY_S,
        only_short=SERVERS,
    ),
)
