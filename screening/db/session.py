"""Engines and transactions, with SQLite made as safe and as concurrent as it can be."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from screening.db.standing import StandingSession, keep_standing
from screening.errors import DatabaseUnavailableError

SQLITE_BUSY_TIMEOUT_S = 30
CONNECT_TIMEOUT_S = 5
IDLE_TRANSACTION_TIMEOUT_S = 60
"""A process that stops, or whose machine vanishes, in the midst of a transaction holds its rows no
longer than this; no transaction of ours waits for anything but the database."""


class Database:
    """One process's way to the database. Make one after a fork, never before.

    `write()` is one transaction, serialised on SQLite from its start (BEGIN IMMEDIATE), so that
    a read in it may decide what it writes; `read()` never waits for writers.
    """

    def __init__(self, url: str) -> None:
        self.engine = _make_engine(url)
        self._readers = self.engine.execution_options(read_only=True)

    @property
    def dialect(self) -> str:
        """Return "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Run one transaction, committed at the end of the block, with studies and totals kept.

        Raises DatabaseUnavailableError where the database is away, locked or full.
        """
        with (
            _unavailable_as_transient(),
            StandingSession(self.engine) as session,
            session.begin(),
        ):
            yield session
            keep_standing(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Run one read-only transaction.

        Raises DatabaseUnavailableError where the database is away.
        """
        with _unavailable_as_transient(), Session(self._readers) as session:
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def _unavailable_as_transient() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        # the statement's parameters may hold patient attributes: only the driver's class goes on
        raise DatabaseUnavailableError(
            f"the database did not answer ({type(error.orig).__name__}); "
            "expected it to take the row, see that it is up, unlocked and has space"
        ) from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailableError("the database connection was cut") from None
        raise


def _make_engine(url: str) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(
            url,
            hide_parameters=True,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_S, "check_same_thread": False},
        )
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )
    event.listen(engine, "connect", _configure_postgresql)
    return engine


def _configure_postgresql(connection: Any, record: object) -> None:
    """Have the server end transactions that are left open."""
    del record
    timeout = f"SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_TIMEOUT_S}s'"
    connection.execute(timeout)
    connection.commit()


def _configure_sqlite(connection: Any, record: object) -> None:
    """Durable commits, readers beside one writer, and transactions begun by us alone."""
    del record
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
