"""Row 9: one, two, four and eight classify workers on PostgreSQL and Redis.

The device is simulated: a worker waits as long as a device would compute, so that the figures show
what claims, records and doorbells cost, and not how many devices this machine has.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import redis
from sqlalchemy import func, select

from screening.db.session import Database
from screening.db.tables.instances import Classification
from screening.domain.lifecycle import ClassificationState
from screening.spool.store import Spool
from tests.benchmarks.parts.objects import computed_radiograph, write_objects
from tests.benchmarks.parts.sites import scoring_site
from tests.benchmarks.run import Run, WrongOutputError
from tests.services.servers import new_postgresql_database, postgresql_server, redis_server
from tests.sites.site import Site

ROOT = Path(__file__).parents[3]
WORKERS = (1, 2, 4, 8)
SHORT_WORKERS = (2,)
MS_AN_IMAGE = 250
SIDE_PIXELS = 256
PATIENCE_S = 240


@dataclass(frozen=True, slots=True)
class Servers:
    """URLs of PostgreSQL and Redis."""

    postgresql: str
    redis: str


@dataclass(frozen=True, slots=True)
class Scaled:
    """What so many workers did: images a second, and commands a second that Redis answered."""

    rate: float
    redis_commands: float


def measure(run: Run) -> None:
    """Let so many workers do so many times the work."""
    batches = run.size("batches", full=6, short=1)
    with postgresql_server() as postgresql, redis_server() as broker:
        servers = Servers(postgresql.url, broker.url)
        counts = SHORT_WORKERS if run.is_short else WORKERS
        scaled = {count: _scaled(run, servers, count, batches) for count in counts}
    one = scaled.get(1)
    for count, found in scaled.items():
        run.add(f"{count} x classify", "images/s", found.rate)
        run.add(f"{count} x classify: Redis commands", "a second", found.redis_commands)
        if one and count > 1:
            run.add(f"{count} workers / {count} times one", "x", found.rate / one.rate / count)
    most = max(scaled)
    if one:
        run.add(
            f"Redis commands of a worker, {most} workers / one worker",
            "x",
            scaled[most].redis_commands / most / one.redis_commands,
        )


def _scaled(run: Run, servers: Servers, workers: int, batches: int) -> Scaled:
    variables = {
        "SCREENING_DATABASE_URL": new_postgresql_database(servers.postgresql),
        "SCREENING_BROKER_URL": servers.redis,
    }
    client = redis.Redis.from_url(servers.redis)
    client.flushall()
    with (
        contextlib.closing(client),
        scoring_site(run, f"{workers} workers", **variables) as site,
        contextlib.closing(site.database) as database,
    ):
        count = workers * batches * site.settings.batch_size
        _fill(run, site, database, count)
        with _working(site, workers):
            before, started = _commands(client), time.monotonic()
            _wait(database, count)
            commands = (_commands(client) - before) / (time.monotonic() - started)
        finished = _finished(database)
        run.expect("every image was classified once", count, len(finished))
    # Each worker's first batch begins when it is ready: it is no part of the steady state.
    first = workers * site.settings.batch_size if batches > 1 else 0
    steady = finished[first:]
    begun = finished[first - 1] if first else finished[0]
    seconds = (steady[-1] - begun).total_seconds() or 1e-3
    return Scaled(len(steady) / seconds, commands)


def _fill(run: Run, site: Site, database: Database, count: int) -> None:
    """Take objects in as the SCP does."""
    from tests.rows.resending import take

    folder = run.room(f"objects for {site.folder.name}")
    spool = Spool(site.settings.spool_dir)
    spool.prepare()
    template = computed_radiograph(SIDE_PIXELS, SIDE_PIXELS)
    for uid in write_objects(folder, template, count):
        take(database, spool, (folder / f"{uid}.dcm").read_bytes())


@contextlib.contextmanager
def _working(site: Site, workers: int) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.benchmarks.parts.simulated_workers"]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with (site.folder / "workers.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, str(workers), str(MS_AN_IMAGE)],
            env={**site.environment, "PYTHONPATH": path},
            cwd=site.folder,
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _wait(database: Database, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    done = select(func.count()).where(Classification.state == ClassificationState.CLASSIFIED)
    while True:
        with database.read() as session:
            found = session.execute(done).scalar_one()
        if found == count:
            return
        if time.monotonic() > deadline:
            raise WrongOutputError(f"expected {count} classified images, found {found}")
        time.sleep(0.2)


def _finished(database: Database) -> list[datetime]:
    with database.read() as session:
        rows = session.scalars(select(Classification.finished_at)).all()
        return sorted(row for row in rows if row is not None)


def _commands(client: "redis.Redis") -> int:
    return int(client.info("stats")["total_commands_processed"])
