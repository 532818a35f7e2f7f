"""Row 8: lists, figures and claims with a million studies, on SQLite and on PostgreSQL.

Each question is asked many times; what counts is the 95th percentile. Then workers claim one image
and record its result, in threads, in turn on this database and on one of a thousand studies.
"""

import contextlib
import importlib.util
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from screening.classify.claim import claim
from screening.classify.record import Scored, record
from screening.cli.running.loading import loading
from screening.db.bundle_rows import active_bundle
from screening.db.recount import recount
from screening.db.session import Database
from screening.domain.backoff import BACKOFFS, Retried
from tests.benchmarks.figures import mean, percentile
from tests.benchmarks.run import NotHereError, Run
from tests.services.servers import PrivateServer, new_postgresql_database, postgresql_server

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


@dataclass(frozen=True, slots=True)
class Site:
    """One database system: URLs of empty databases for many studies and for few, and its locks.

    waits: begins to count on the database of many studies.
    """

    name: str
    many_url: str
    few_url: str
    waits: Callable[[Database], LockWaits]


def measure(run: Run) -> None:
    """Fill, ask, claim; on PostgreSQL where it is installed."""
    if importlib.util.find_spec("httpx") is None:
        raise NotHereError("httpx, by which the page is asked, is not installed: use `make bench`")
    with contextlib.ExitStack() as stack:
        sites = [_sqlite(run.room("sqlite"))]
        with run.without_absent(POSTGRESQL):
            sites.append(stack.enter_context(_postgresql()))
        _fill(run, sites)
        databases = []
        for site in sites:
            many, few = (
                stack.enter_context(contextlib.closing(Database(url)))
                for url in (site.many_url, site.few_url)
            )
            databases += [many, few]
            _measure(run, site.name, many, few, site.waits(many))
        with ThreadPoolExecutor(len(databases)) as threads:
            for counted in threads.map(recount, databases):
                run.expect("studies and totals agree with every row", True, counted.agrees)


def _measure(run: Run, name: str, many: Database, few: Database, waits: LockWaits) -> None:
    with loading():  # as the page's station does; else collections take 150 ms each
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


def _fill(run: Run, sites: Sequence[Site]) -> None:
    """Fill both databases of each; the copies of all together, since each needs one processor."""
    from tests.benchmarks.parts.copied_studies import FIRST_STUDIES, copy_first, fill_first

    times = -(-run.size("studies", full=1_000_000, short=2 * FIRST_STUDIES) // FIRST_STUDIES)
    studies = times * FIRST_STUDIES
    started = time.perf_counter()
    for site in sites:
        fill_first(site.few_url)
        fill_first(site.many_url)
    with ThreadPoolExecutor(len(sites)) as threads:
        list(threads.map(copy_first, [site.many_url for site in sites], [studies] * len(sites)))
    taken_s = time.perf_counter() - started
    names = " and ".join(site.name for site in sites)
    run.notes.append(f"{names} were filled with {studies:,} studies in {taken_s:.0f} s.")


def _sqlite(folder: Path) -> Site:
    return Site(SQLITE, _file(folder, MANY), _file(folder, FEW), _begins)


@contextlib.contextmanager
def _postgresql() -> Iterator[Site]:
    with postgresql_server() as server:
        many, few = (new_postgresql_database(server.url) for _ in range(2))
        yield Site(POSTGRESQL, many, few, lambda _: _logged_waits(server))


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
