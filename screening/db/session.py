"""Engines and transactions, with SQLite made as safe and as concurrent as it can be."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from screening.db.derived.upkeep import DerivingSession, keep_derived
from screening.db.failures import Consequence, error_to_raise, failure_of
from screening.errors import DatabaseUnavailableError, UnstorableValueError

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
        self.engine = make_engine(url)
        self._readers = self.engine.execution_options(read_only=True)

    @property
    def dialect(self) -> str:
        """Return "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Run one transaction, committed at the end of the block, with studies and totals kept.

        Raises DatabaseUnavailableError where the database is away, locked, full, read-only or
        damaged, and UnstorableValueError where it cannot hold a value (`screening.db.failures`).
        """
        with (
            driver_errors_as_ours(),
            DerivingSession(self.engine) as session,
            session.begin(),
        ):
            yield session
            keep_derived(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Run one read-only transaction.

        Raises DatabaseUnavailableError where the database is away or damaged.
        """
        with driver_errors_as_ours(), Session(self._readers) as session:
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def driver_errors_as_ours() -> Iterator[None]:
    """Raise errors of the database inside the block as what follows from them.

    Raises DatabaseUnavailableError and UnstorableValueError; a defect goes on as it is.
    """
    try:
        yield
    except DBAPIError as error:
        ours = error_to_raise(error)
        if ours is error:
            raise
        raise ours from None  # the driver's text may hold patient attributes
    except PoolTimeoutError:
        raise DatabaseUnavailableError(
            "expected a connection to the database, found all of this process in use; "
            "see what holds up the database"
        ) from None
    except UnicodeEncodeError:
        raise UnstorableValueError(
            "expected values that the database can hold, found a lone surrogate"
        ) from None


def make_engine(url: str) -> Engine:
    """Return an engine that every transaction of ours, and each migration, runs on."""
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(
            url,
            hide_parameters=True,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_S, "check_same_thread": False},
        )
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            # a pooler gives each transaction another connection: none is prepared for or set up
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "prepare_threshold": None},
        )
        event.listen(engine, "begin", _begin_postgresql)
    event.listen(engine, "handle_error", _drop_connections)
    return engine


def _drop_connections(context: ExceptionContext) -> None:
    """Drop every pooled connection where another one may lead to a database that can write."""
    if failure_of(context.original_exception).consequence is Consequence.RECONNECT:
        context.is_disconnect = True


def _begin_postgresql(connection: Connection) -> None:
    """Have the server end the transaction if it is left open."""
    timeout = f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_TIMEOUT_S}s'"
    connection.exec_driver_sql(timeout)


def _configure_sqlite(connection: Any, record: object) -> None:
    """Durable commits, readers beside one writer, and transactions begun by us alone."""
    del record
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
