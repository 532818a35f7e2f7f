"""Row 8: lists, figures and claims with a million studies, on SQLite and on PostgreSQL.

Each question is asked many times; what counts is the 95th percentile. Then workers claim one image
and record its result, in threads, in turn on this database and on one of a thousand studies.
"""

import contextlib
import importlib.util
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from screening.classify.claim import claim
from screening.classify.record import Scored, record
from screening.db.bundle_rows import active_bundle
from screening.db.migrate import upgrade
from screening.db.recount import recount
from screening.db.session import Database
from screening.domain.backoff import BACKOFFS, Retried
from tests.benchmarks.figures import mean, percentile
from tests.benchmarks.run import NotHereError, Run
from tests.services.servers import PrivateServer, new_postgresql_database, postgresql_server

FEW_STUDIES = 1000
CLAIMS_A_WORKER = 4
LONGEST_WAIT_MS = 100
LEASE_S = 600
MANY, FEW = "many rows", "1,000 rows"
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
_instances = itertools.count(1)


@dataclass(slots=True)
class LockWaits:
    """Counts what had to wait for a lock, longer than LONGEST_WAIT_MS."""

    count: Callable[[], int]


def measure(run: Run) -> None:
    """Fill, ask, claim; on PostgreSQL where it is installed."""
    if importlib.util.find_spec("httpx") is None:
        raise NotHereError("httpx, by which the page is asked, is not installed: use `make bench`")
    with _sqlite(run) as (many, few, waits):
        _measure(run, SQLITE, many, few, waits)
    with run.without_absent(POSTGRESQL), _postgresql(run) as (many, few, waits):
        _measure(run, POSTGRESQL, many, few, waits)


def _measure(run: Run, name: str, many: Database, few: Database, waits: LockWaits) -> None:
    from tests.benchmarks.parts.filled_database import UNLIMITED, questions

    times = run.size("times", full=50, short=1)
    slowest = 0.0
    for question, ask in questions(many, run.room(f"{name} data")).items():
        ask()
        taken_ms = [_ms(ask) for _ in range(5 if question in UNLIMITED else times)]
        run.add(f"{name}: {question}", "ms", taken_ms)
        if question not in UNLIMITED:
            slowest = max(slowest, percentile(taken_ms, 95))
    run.add(f"{name}: slowest 95th percentile of all questions", "ms", slowest)
    for workers in (2,) if run.is_short else (1, 8):
        run.compare(
            f"{name}: claim and record, {_count(workers, 'worker')}",
            "ms",
            {MANY: partial(_claims_ms, many, workers), FEW: partial(_claims_ms, few, workers)},
            run.size("rounds", full=5, short=1),
        )
    run.add(f"{name}: waits of more than {LONGEST_WAIT_MS} ms for a lock", "waits", waits.count())
    for database in (many, few):
        run.expect("studies and totals agree with every row", True, recount(database).agrees)


def _claims_ms(database: Database, workers: int) -> float:
    """Return what a claim of one image and the record of its result take, on the average."""
    bundle = active_bundle(database)
    assert bundle is not None
    result, backoff = _result(), BACKOFFS[Retried.CLASSIFICATION]
    together = threading.Barrier(workers)

    def work(number: int) -> list[float]:
        taken = []
        together.wait()
        for _ in range(CLAIMS_A_WORKER):
            started = time.perf_counter()
            held = claim(
                database, bundle_id=bundle.id, worker=f"w{number}", batch_size=1, lease_s=LEASE_S
            )
            [instance] = held.instances
            record(database, held, {instance.classification_id: result}, backoff)
            taken.append(1000 * (time.perf_counter() - started))
        return taken

    with ThreadPoolExecutor(workers) as threads:
        return mean([ms for taken in threads.map(work, range(workers)) for ms in taken])


def _result() -> Scored:
    from tests.reports.samples import content

    sample = content()
    return Scored(
        scores=sample.scores,
        triage=sample.triage,
        pixel_sha256=f"{next(_instances):064x}",
        render_path={},
        timings_s={"score": 0.1},
    )


def _ms(ask: Callable[[], object]) -> float:
    started = time.perf_counter()
    ask()
    return 1000 * (time.perf_counter() - started)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _filled(run: Run, url: str, studies: int, name: str) -> Database:
    from tests.benchmarks.parts.filled_database import fill

    started = time.perf_counter()
    fill(url, studies)
    filled = time.perf_counter()
    upgrade(url)
    if studies > FEW_STUDIES:
        run.add(f"{name}: `screening db upgrade` of all", "s", time.perf_counter() - filled)
        run.notes.append(f"{name}: {studies:,} studies were filled in in {filled - started:.0f} s.")
    return Database(url)


@contextlib.contextmanager
def _sqlite(run: Run) -> Iterator[tuple[Database, Database, LockWaits]]:
    folder, studies = run.room("sqlite"), run.size("studies", full=1_000_000, short=300)
    with (
        contextlib.closing(_filled(run, _file(folder, MANY), studies, SQLITE)) as many,
        contextlib.closing(_filled(run, _file(folder, FEW), _few(run), SQLITE)) as few,
    ):
        yield many, few, _begins(many)


@contextlib.contextmanager
def _postgresql(run: Run) -> Iterator[tuple[Database, Database, LockWaits]]:
    studies = run.size("studies", full=1_000_000, short=300)
    with postgresql_server() as server:
        urls = [new_postgresql_database(server.url) for _ in range(2)]
        with (
            contextlib.closing(_filled(run, urls[0], studies, POSTGRESQL)) as many,
            contextlib.closing(_filled(run, urls[1], _few(run), POSTGRESQL)) as few,
        ):
            yield many, few, _logged_waits(server)


def _few(run: Run) -> int:
    return min(FEW_STUDIES, run.size("studies", full=FEW_STUDIES, short=300))


def _file(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.db"


def _begins(database: Database) -> LockWaits:
    """Count the transactions whose BEGIN IMMEDIATE, which takes the lock, took too long."""
    long: list[float] = []
    begun = threading.local()

    @event.listens_for(database.engine, "before_cursor_execute")
    def before(*_: Any) -> None:
        begun.at = time.perf_counter()

    @event.listens_for(database.engine, "after_cursor_execute")
    def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        waited_ms = 1000 * (time.perf_counter() - begun.at)
        if statement == "BEGIN IMMEDIATE" and waited_ms > LONGEST_WAIT_MS:
            long.append(waited_ms)

    return LockWaits(lambda: len(long))


def _logged_waits(server: PrivateServer) -> LockWaits:
    """Have the server log each wait that takes too long, and count what it has logged."""
    with contextlib.closing(Database(server.url)) as database:
        engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for setting in ("log_lock_waits = on", f"deadlock_timeout = '{LONGEST_WAIT_MS}ms'"):
                connection.execute(text(f"ALTER SYSTEM SET {setting}"))
            connection.execute(text("SELECT pg_reload_conf()"))
    log = server._folder / "server.log"
    return LockWaits(lambda: log.read_text(errors="replace").count("still waiting for"))
