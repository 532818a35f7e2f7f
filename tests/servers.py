"""Private PostgreSQL and Redis servers on free ports, for the tests that need the real thing."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import redis
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
DEBIAN_POSTGRESQL = Path("/usr/lib/postgresql")


class ServerAbsentError(Exception):
    """A server's program is not installed here."""


def free_port() -> int:
    """Return a TCP port of the loopback interface that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def private_postgresql() -> Iterator[str]:
    """Run a PostgreSQL server in a temporary folder and yield the SQLAlchemy URL of a database.

    Raises ServerAbsentError where PostgreSQL is not installed. PostgreSQL refuses to run as root:
    there it runs as the user postgres.
    """
    initdb, postgres = _postgresql_program("initdb"), _postgresql_program("postgres")
    user = "postgres" if os.geteuid() == 0 else None
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="private-postgresql-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)
        command = [str(initdb), "-D", str(folder / "data"), "-U", "postgres", "--auth=trust"]
        command += ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run(command, user=user, check=True, cwd=folder, capture_output=True)
        command = [str(postgres), "-D", str(folder / "data"), "-p", str(port)]
        command += ["-k", name, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        with _running(command, folder=folder, user=user, stop_signal=signal.SIGINT) as alive:
            _wait_until(lambda: _postgresql_answers(url), alive, "PostgreSQL")
            yield url


def new_postgresql_database(server_url: str) -> str:
    """Make an empty database on a private server and return its URL."""
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


@contextlib.contextmanager
def private_redis(port: int | None = None) -> Iterator[str]:
    """Run a Redis server in a temporary folder and yield the URL of its database 0.

    port: a fixed one, to start a server again where one was; else a free one is taken.
    Raises ServerAbsentError where Redis is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise ServerAbsentError("redis-server is not installed")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="private-redis-") as name:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", name]
        command += ["--save", "", "--appendonly", "no"]
        url = f"redis://127.0.0.1:{port}/0"
        with _running(command, folder=Path(name), user=None, stop_signal=signal.SIGTERM) as alive:
            _wait_until(lambda: _redis_answers(url), alive, "Redis")
            yield url


def _postgresql_program(name: str) -> Path:
    found = shutil.which(name)
    if found:
        return Path(found)
    installed = sorted(DEBIAN_POSTGRESQL.glob(f"*/bin/{name}"))
    if not installed:
        raise ServerAbsentError(f"PostgreSQL's {name} is not installed")
    return installed[-1]


@contextlib.contextmanager
def _running(
    command: list[str], *, folder: Path, user: str | None, stop_signal: signal.Signals
) -> Iterator[Callable[[], bool]]:
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, user=user, stdout=log, stderr=log) as process,
    ):
        try:
            yield lambda: process.poll() is None
        finally:
            process.send_signal(stop_signal)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until(answers: Callable[[], bool], alive: Callable[[], bool], server: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers():
        if not alive():
            raise RuntimeError(f"{server} ended while starting")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{server} did not answer within {START_TIMEOUT_S} s")
        time.sleep(0.05)


def _postgresql_answers(url: str) -> bool:
    engine = create_engine(url, connect_args={"connect_timeout": 5})
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False
    finally:
        engine.dispose()


def _redis_answers(url: str) -> bool:
    client = redis.Redis.from_url(url)
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
    finally:
        client.close()
