"""Private PostgreSQL, PgBouncer and Redis on free ports, for the tests that need the real thing."""

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
Answers = Callable[[str], bool]


class ServerAbsentError(Exception):
    """A server's program is not installed here."""


def free_port() -> int:
    """Return a TCP port of the loopback interface that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class PrivateServer:
    """A server on a port of its own, to be stopped in any way and started again where it was."""

    def __init__(
        self, command: list[str], *, url: str, folder: Path, user: str | None, answers: Answers
    ) -> None:
        self.url = url
        self._command = command
        self._folder = folder
        self._user = user
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        deadline = time.monotonic() + START_TIMEOUT_S
        self._process = self._open()
        while not self._answers(self.url):
            if self._process.poll() is not None:
                raise RuntimeError(f"{self._command[0]} ended while starting")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._command[0]} did not answer within {START_TIMEOUT_S} s")
            time.sleep(0.05)

    def stop(self, with_signal: signal.Signals) -> None:
        """Stop it; one that does not end in time is killed."""
        if self._process is None:
            return
        self._process.send_signal(with_signal)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _open(self) -> subprocess.Popen[bytes]:
        with (self._folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                self._command, cwd=self._folder, user=self._user, stdout=log, stderr=log
            )


@contextlib.contextmanager
def postgresql_server() -> Iterator[PrivateServer]:
    """Run a PostgreSQL server in a temporary folder; its URL is SQLAlchemy's, of a database.

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
        server = PrivateServer(
            command, url=url, folder=folder, user=user, answers=_postgresql_answers
        )
        with _started(server, stop_signal=signal.SIGINT):
            yield server


@contextlib.contextmanager
def postgresql_standby(primary_url: str) -> Iterator[PrivateServer]:
    """Run a hot standby that streams from a server of `postgresql_server`, until it is promoted.

    Raises ServerAbsentError where PostgreSQL is not installed.
    """
    backup, postgres = _postgresql_program("pg_basebackup"), _postgresql_program("postgres")
    user = "postgres" if os.geteuid() == 0 else None
    primary, port = make_url(primary_url), free_port()
    with tempfile.TemporaryDirectory(prefix="private-postgresql-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)
        command = [str(backup), "-D", str(folder / "data"), "-h", "127.0.0.1"]
        command += ["-p", str(primary.port), "-U", "postgres", "--write-recovery-conf"]
        command += ["--checkpoint=fast", "--no-sync"]
        subprocess.run(command, user=user, check=True, cwd=folder, capture_output=True)
        command = [str(postgres), "-D", str(folder / "data"), "-p", str(port)]
        command += ["-k", name, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        url = primary.set(port=port).render_as_string(hide_password=False)
        server = PrivateServer(
            command, url=url, folder=folder, user=user, answers=_postgresql_answers
        )
        with _started(server, stop_signal=signal.SIGINT):
            yield server


@contextlib.contextmanager
def pgbouncer(server_url: str) -> Iterator[str]:
    """Run PgBouncer in transaction pooling, with four connections to the server, and yield its URL.

    It gives every transaction another of them. Raises ServerAbsentError where it is not installed.
    """
    program = shutil.which("pgbouncer")
    if program is None:
        raise ServerAbsentError("pgbouncer is not installed")
    user = "postgres" if os.geteuid() == 0 else None
    server, port = make_url(server_url), free_port()
    with tempfile.TemporaryDirectory(prefix="private-pgbouncer-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)
        lines = ["[databases]", f"* = host=127.0.0.1 port={server.port} user=postgres"]
        lines += ["[pgbouncer]", "listen_addr = 127.0.0.1", f"listen_port = {port}"]
        lines += ["unix_socket_dir =", "auth_type = any", "pool_mode = transaction"]
        lines += ["default_pool_size = 4", "server_round_robin = 1", "max_client_conn = 200"]
        (folder / "pgbouncer.ini").write_text("\n".join(lines))
        url = server.set(port=port).render_as_string(hide_password=False)
        running = PrivateServer(
            [program, str(folder / "pgbouncer.ini")],
            url=url,
            folder=folder,
            user=user,
            answers=_postgresql_answers,
        )
        with _started(running, stop_signal=signal.SIGINT):
            yield url


@contextlib.contextmanager
def private_postgresql() -> Iterator[str]:
    """Run `postgresql_server` and yield its URL."""
    with postgresql_server() as server:
        yield server.url


def new_postgresql_database(server_url: str) -> str:
    """Make an empty database on a private server and return its URL."""
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


@contextlib.contextmanager
def redis_server() -> Iterator[PrivateServer]:
    """Run a Redis server in a temporary folder, without persistence; its URL is of database 0.

    Raises ServerAbsentError where Redis is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise ServerAbsentError("redis-server is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="private-redis-") as name:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", name]
        command += ["--save", "", "--appendonly", "no"]
        url = f"redis://127.0.0.1:{port}/0"
        server = PrivateServer(
            command, url=url, folder=Path(name), user=None, answers=_redis_answers
        )
        with _started(server, stop_signal=signal.SIGTERM):
            yield server


@contextlib.contextmanager
def private_redis() -> Iterator[str]:
    """Run `redis_server` and yield its URL."""
    with redis_server() as server:
        yield server.url


@contextlib.contextmanager
def _started(server: PrivateServer, *, stop_signal: signal.Signals) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.stop(stop_signal)


def _postgresql_program(name: str) -> Path:
    found = shutil.which(name)
    if found:
        return Path(found)
    installed = sorted(DEBIAN_POSTGRESQL.glob(f"*/bin/{name}"))
    if not installed:
        raise ServerAbsentError(f"PostgreSQL's {name} is not installed")
    return installed[-1]


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
