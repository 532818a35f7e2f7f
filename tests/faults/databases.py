"""PostgreSQL restarted, cut off, in conflict with itself; SQLite locked by somebody else."""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from tests.faults.course import LOOK_S, Course, NoEffectError, require_effect
from tests.services.servers import PrivateServer
from tests.sites.site import wait_until

CUT = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
PORTION = 8
"""Images; a worker takes as many at once."""
BATCH_LOCKED_LAST_ROW_FIRST = text(
    "SELECT id FROM classifications WHERE state = 'claimed' "
    "AND (SELECT count(*) FROM classifications WHERE state = 'claimed') > 1 "
    "ORDER BY id DESC LIMIT 1 FOR UPDATE NOWAIT"
)
REST_OF_BATCH = text("SELECT id FROM classifications WHERE state = 'claimed' FOR UPDATE")
SOMEBODY_WAITS_FOR_US = text(
    "SELECT EXISTS (SELECT FROM pg_stat_activity "
    "WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
)
DEADLOCKS = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


def postgresql_restarted(course: Course) -> str:
    """Stop PostgreSQL as `pg_ctl stop -m fast` does, and start it again."""
    return _restarts(course, signal.SIGINT)


def postgresql_crashed(course: Course) -> str:
    """Stop PostgreSQL as `pg_ctl stop -m immediate` does: it recovers from its log."""
    return _restarts(course, signal.SIGQUIT)


def connections_cut(course: Course) -> str:
    """Have PostgreSQL end every connection, again and again."""
    cut = 0
    deadline = time.monotonic() + course.times(short=3, full=30)
    with _administrator(course) as connection:
        while time.monotonic() < deadline and course.waiting:
            cut += connection.execute(CUT).scalar_one()
            course.at_random(0.2, 1.5)
    return require_effect(cut, "connections cut")


def deadlock_forced(course: Course) -> str:
    """Lock a batch in the opposite order of the worker's, so that each waits for the other.

    One portion after the other, so that the work does not end before there is a deadlock.
    """
    wanted = course.times(short=1, full=3)
    total = len(course.objects.encoded)
    with _administrator(course) as connection:
        before = connection.execute(DEADLOCKS).scalar_one()

        def found() -> int:
            return int(connection.execute(DEADLOCKS).scalar_one() - before)

        try:
            for count in (*range(PORTION, total, PORTION), total):
                if found() >= wanted:
                    break
                _hand_over_at_once(course, count)
                while found() < wanted and course.installation.ended(course.objects) < count:
                    _lock(course)
                    time.sleep(LOOK_S)
        finally:
            course.sending.hold_at(total)
        _soon(lambda: found() > 0, 5)
        return require_effect(found(), "deadlocks")


def _hand_over_at_once(course: Course, count: int) -> None:
    """Let so many objects be taken while the worker stands still: it then takes several at once."""
    stations = course.installation.stations
    stations.signal(signal.SIGSTOP, "classify")
    try:
        course.sending.hold_at(count)
        wait_until(lambda: len(course.sending.acknowledged) >= count, "objects to be taken")
    finally:
        stations.signal(signal.SIGCONT, "classify")


def serialisation_failures(course: Course) -> str:
    """Have PostgreSQL run every transaction as SERIALIZABLE, so that many fail."""
    here = course.installation
    logs = ("receive", "classify", "report")

    def failures() -> int:
        return sum(here.site.log(name).count("(40001") for name in logs)

    before = failures()
    with _administrator(course) as connection:
        default = "ALTER DATABASE postgres {} default_transaction_isolation"
        connection.execute(text(default.format("SET") + " TO 'serializable'"))
        connection.execute(CUT)
        try:
            course.wait_for(1)
            course.pause(short_s=2, full_s=20)
            wait_until(lambda: failures() > before or not course.waiting, "a failure")
        finally:
            connection.execute(text(default.format("RESET")))
            connection.execute(CUT)
    return require_effect(failures() - before, "serialisation failures")


def sqlite_locked(course: Course) -> str:
    """Hold SQLite's one lock in another process than the stations."""
    course.wait_for(0.2)
    file = course.installation.site.settings.data_dir / "screening.db"
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        taken = len(course.sending.acknowledged)
        course.pause(short_s=3, full_s=10)
        if len(course.sending.acknowledged) > taken + 8:
            raise NoEffectError("objects were taken while the database was locked")
        connection.execute("ROLLBACK")
    return f"locked for {course.times(short=3, full=10)} s"


def _restarts(course: Course, with_signal: signal.Signals) -> str:
    server = _server(course)
    times = course.times(short=1, full=3)
    for time_ in range(times):
        course.wait_for((time_ + 0.3) / times)
        server.stop(with_signal)
        course.pause(short_s=1, full_s=3)
        server.start()
        course.pause(short_s=0, full_s=3)
    return f"{times} restarts"


def _server(course: Course) -> PrivateServer:
    assert course.installation.postgresql is not None
    return course.installation.postgresql


@contextmanager
def _administrator(course: Course) -> Iterator[Connection]:
    with _engine(course) as engine, engine.connect() as connection:
        yield connection


@contextmanager
def _engine(course: Course, **options: str) -> Iterator[Engine]:
    engine = create_engine(_server(course).url, **(options or {"isolation_level": "AUTOCOMMIT"}))
    try:
        yield engine
    finally:
        engine.dispose()


def _lock(course: Course) -> None:
    """Try once to close a circle; whichever side PostgreSQL ends, the other goes on."""
    with (
        _engine(course, isolation_level="READ COMMITTED") as engine,
        suppress(DBAPIError),
        engine.begin() as connection,
    ):
        connection.execute(text("SET deadlock_timeout = '60s'"))
        if connection.execute(BATCH_LOCKED_LAST_ROW_FIRST).first() is None:
            return
        if _soon(lambda: bool(connection.execute(SOMEBODY_WAITS_FOR_US).scalar_one())):
            connection.execute(REST_OF_BATCH)


def _soon(is_true: Callable[[], bool], within_s: float = 20) -> bool:
    deadline = time.monotonic() + within_s
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
